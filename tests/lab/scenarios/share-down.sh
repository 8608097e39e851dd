# The share host is down: exit 100 and mount.nfs4's own code, in the time that mount.nfs4 takes by itself.
# limit: 150 time: 45
options=vers=4.1,retry=0,timeo=50,retrans=1
sharehost silent "$SHARE"
at_end sharehost back "$SHARE"
# A plain mount first, to compare with: one try, short time-outs.
run mount.nfs4 "$A" /mnt/a -o $options
plain=$status plain_took=$took
note "mount.nfs4 alone: exit $plain after $((plain_took / 1000)) s"
check "mount.nfs4 alone fails" [ "$plain" != 0 ]
run "$HELPER" "$A" /mnt/a -o secure=true,$options
note "the helper: exit $status after $((took / 1000)) s"
tell_seen "$output"
check_is "the helper's exit code is mount.nfs4's and 100" "$status" $((plain + 100))
check "nothing is mounted" not_mounted /mnt/a
check "trying IPsec adds at most 15 s ($((took / 1000)) s, not $((plain_took / 1000)) s)" [ "$took" -lt $((plain_took + 15000)) ]
sharehost back "$SHARE"
check "the share host back, a mount works" "$HELPER" "$A" /mnt/a -o secure=true
umount /mnt/a

# It comes back while the helper still tries: retry= is two minutes when it is not given.
check "the connection is taken down" "$HELPER" --renew
sharehost silent "$SHARE"
(sleep 14; sharehost back "$SHARE") &
check "silent at first, back after 14 s: the mount succeeds" "$HELPER" "$A" /mnt/a -o secure=true
check_is "in a second try" "$((took > 10000))" 1
check_within 60 "within a minute"
umount /mnt/a
wait $!

# A share that is not there, on a host that answers.
run mount.nfs4 "$SHARE2:/nothing_here" /mnt/a -o $options
plain=$status
check_exit $((plain + 100)) "a path that is not exported: mount.nfs4's code and 100" \
    "$HELPER" "$SHARE:/nothing_here" /mnt/a -o secure=true,$options
check_output "mount.nfs4: mounting .*failed|No such file|mount.nfs4" "mount.nfs4's own message is shown"
