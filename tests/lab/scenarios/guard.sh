# Nothing leaves in the clear when strongSwan stops under a live mount; what a mount set up goes when nobody needs it.
# limit: 240 time: 60
policies() { ip xfrm policy | grep -c 'action block'; }
write_some() { timeout "$1" dd if=/dev/zero of=/mnt/a/guarded bs=64k count=4 conv=fsync,notrunc status=none; }

check "a mount" "$HELPER" "$A" /mnt/a -o secure=true
check_is "two block policies guard the address" "$(policies)" 2
run ip xfrm policy list dst "$SHARE"
check_output "action block priority 4000000000" "with the lowest rank"
capture_start stopped
systemctl stop strongswan.service
check_is "strongSwan stopped takes its own policies along" "$(ip xfrm policy | grep -c 'proto esp')" 0
run write_some 8
check_is "a write to the live mount stalls" "$status" 124
capture_stop
capture_sort "$SHARE"
note "strongSwan stopped, a writer at work: $packets_clear packets in the clear"
check_is "not one packet in the clear" "$packets_clear" 0
capture_start back
systemctl start strongswan.service
check "strongSwan back, writes go on" write_some 60
capture_stop
capture_summary "$SHARE"
check_is "still not one packet in the clear" "$packets_clear" 0
check "and there was ESP" [ "$packets_esp" -gt 4 ]

# The check itself can fail: without the guard the same is in the clear.
ip xfrm policy delete dir out dst "$SHARE/32"
ip xfrm policy delete dir in src "$SHARE/32"
capture_start unguarded
systemctl stop strongswan.service
run write_some 8
capture_stop
capture_sort "$SHARE"
note "the same without the guard: $packets_clear packets in the clear"
check "without the guard there are packets in the clear" [ "$packets_clear" -gt 0 ]
systemctl start strongswan.service

check "--renew leaves a mounted share's connection alone" "$HELPER" --renew
check "its file is there" test -e "/etc/swanctl/conf.d/type_ibmshare_$SHARE.conf"
umount /mnt/a
check "after umount, --renew" "$HELPER" --renew
check_silent "says nothing"
check "the file is gone" test ! -e "/etc/swanctl/conf.d/type_ibmshare_$SHARE.conf"
check_is "the guard is gone" "$(policies)" 0
check_is "so are the associations" "$(ip xfrm state | grep -c '^src')" 0
run swanctl --list-conns
check_no_output "ibmshare-ipsec" "and the connection"

# A failed mount leaves nothing either, but for what another mount needs.
check "a mount" "$HELPER" "$A" /mnt/a -o secure=true
check_exit 132 "a path that is not exported on the same address" "$HELPER" "$SHARE:/nothing" /mnt/b -o secure=true,retry=0
check "the connection stays for the first" test -e "/etc/swanctl/conf.d/type_ibmshare_$SHARE.conf"
check "which goes on" write_some 20
check_exit 132 "a path that is not exported on another address" "$HELPER" "$SHARE2:/nothing" /mnt/b -o secure=true,retry=0
check "nothing of it is left" test ! -e "/etc/swanctl/conf.d/type_ibmshare_$SHARE2.conf"
check_is "one address is guarded" "$(policies)" 2

# The far side loses its associations, and ours look alive: seen by the next mount.
umount /mnt/a
check "a mount over associations that both sides have" "$HELPER" "$A" /mnt/a -o secure=true
umount /mnt/a
systemctl kill -s KILL share-charon.service
ip -n sharehost xfrm state flush
ip -n sharehost xfrm policy flush
systemctl reset-failed share-charon.service 2>/dev/null
systemctl start share-charon.service
check "the share host has lost them: a mount" "$HELPER" "$A" /mnt/a -o secure=true
note "a mount over dead associations took $took ms"
check_within 15 "negotiates anew, in seconds"

# Encrypted and in the clear do not mix on one address.
check_exit 6 "a mount without encryption beside an encrypted one is refused" "$HELPER" "$B" /mnt/b
check_output "on /mnt/a; mount this one with secure=true" "and the encrypted one named"
umount /mnt/a
check "that one unmounted, a mount without encryption" "$HELPER" "$B" /mnt/b
check_is "the guard went before it" "$(policies)" 0
check "it can be used" timeout 20 cat /mnt/b/hello
check_exit 6 "an encrypted one beside it is refused" "$HELPER" "$A" /mnt/a -o secure=true
check_output "without encryption already, on /mnt/b" "and the other named"
check_is "nothing was set up" "$(policies)" 0
umount /mnt/b
check "and now an encrypted one again" "$HELPER" "$A" /mnt/a -o secure=true

# Other people's policies are not taken for ours.
ip xfrm policy add dir out dst "$SHARE2/32" action allow
check_exit 4 "another program's policy in the guard's place is refused" "$HELPER" "$C" /mnt/c -o secure=true
check_output "another program's XFRM policy" "and named"
check_is "and left alone" "$(ip xfrm policy list dst "$SHARE2" | grep -c 'action block')" 0
ip xfrm policy delete dir out dst "$SHARE2/32"

# bg: mount.nfs4 tries on in the background, and what guards it stays for as long.
sharehost down "$SHARE2"
capture_start background
run timeout 230 "$HELPER" "$C" /mnt/c -o secure=true,retry=0
check_is "the share host down: mount.nfs4's code for a failed mount, and 100" "$status" 132
check_within 30 "soon, with retry=0"
check_output "did not answer to IKE" "and the message says what did not answer"
sharehost back "$SHARE2"
capture_stop
capture_sort "$SHARE2"
check_is "nothing was in the clear" "$packets_clear" 0
