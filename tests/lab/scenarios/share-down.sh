# The share host is down: exit 100 and mount.nfs4's own code, within the time that mount.nfs4 takes by itself.
# limit: 240 time: 60
sharehost down
# A plain mount first, to compare with; retry=0 asks for one try.
run mount.nfs4 "$A" /mnt/a -o retry=0,vers=4.1
plain=$status plain_took=$took
note "mount.nfs4 alone: exit $plain after $((plain_took / 1000)) s"
tell_seen "$output"
check "mount.nfs4 alone fails" [ "$plain" != 0 ]
run "$HELPER" "$A" /mnt/a -o secure=true,retry=0,vers=4.1
note "the helper: exit $status after $((took / 1000)) s"
tell_seen "$output"
check_is "the helper's exit code is mount.nfs4's and 100" "$status" $((plain + 100))
check "nothing is mounted" not_mounted /mnt/a
check "it takes little longer ($((took / 1000)) s, not $((plain_took / 1000)) s)" [ $took -lt $((plain_took + 25000)) ]
sharehost back
check "the share host back, a mount works" "$HELPER" "$A" /mnt/a -o secure=true
umount /mnt/a

run mount.nfs4 "$SHARE:/nothing_here" /mnt/a -o retry=0,vers=4.1
plain=$status
check_exit $((plain + 100)) "a path that is not exported: mount.nfs4's code and 100" \
    "$HELPER" "$SHARE:/nothing_here" /mnt/a -o secure=true,retry=0,vers=4.1
check_output "mount.nfs4" "mount.nfs4's own message is shown"
