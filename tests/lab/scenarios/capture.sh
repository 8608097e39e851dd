# From the first packet to the last, only IKE and ESP-in-UDP pass between client and share.
# limit: 90 time: 15
capture_start
check "an encrypted mount" mount -t ibmshare -o secure=true "$A" /mnt/a
check "a megabyte is written" dd if=/dev/zero of=/mnt/a/data bs=64k count=16 conv=fsync status=none
check "and read back past the cache" dd if=/mnt/a/data of=/dev/null bs=64k iflag=direct status=none
check "a file is read" grep -q "a file on the share" /mnt/a/hello
rm -f /mnt/a/data
check "umount" umount /mnt/a
capture_stop
capture_summary "$SHARE"
check "there is ESP in the capture" [ "$packets_esp" -gt 40 ]
check "and IKE" [ "$packets_ike" -ge 4 ]
check_is "and nothing else: 0 packets in the clear" "$packets_clear" 0
check_is "every packet is of one kind" $((packets_esp + packets_ike + packets_arp)) "$packets_total"
if grep -qa "a file on the share" "$capture_file"; then
    failed "the text of the file is not in the capture"
else
    ok "the text of the file is not in the capture"
fi
run tcpdump -n -r "$capture_file" "host $CLIENT and host $SHARE and port 2049"
check_no_output "2049:" "no packet to or from the NFS port"
