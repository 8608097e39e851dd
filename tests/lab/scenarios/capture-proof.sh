# The capture tells a plain NFS mount from an encrypted one: without encryption it shows packets in the clear.
# limit: 60 time: 10
capture_start
check "a plain mount.nfs4 works" mount.nfs4 "$A" /mnt/a -o vers=4.1,sec=sys
check "a file on the share can be read" grep -q "a file on the share" /mnt/a/hello
umount /mnt/a
capture_stop
capture_summary "$SHARE"
check "the capture holds packets in the clear" [ "$packets_clear" -gt 10 ]
check_is "and no ESP" "$packets_esp" 0
check "the text of the file is in the capture" grep -q "a file on the share acdaecff_a291" "$capture_file"
