# strongSwan stopped: the helper starts it. It cannot start, or is absent: exit 4 and what to do.
# limit: 120 time: 25
daemon=/usr/sbin/charon-systemd
put_back() { # FILE...: undoes mv FILE FILE.away
    local file
    for file; do [ ! -e "$file.away" ] || { rm -rf "$file" && mv "$file.away" "$file"; }; done
}
systemctl stop strongswan.service
check "with strongSwan stopped, a mount works" "$HELPER" "$A" /mnt/a -o secure=true
check "a file on the share can be read" grep -q "a file on the share" /mnt/a/hello
check_is "systemd says strongSwan runs" "$(systemctl is-active strongswan.service)" active
umount /mnt/a

systemctl stop strongswan.service
at_end put_back $daemon /usr/sbin/swanctl /etc/swanctl
mv $daemon $daemon.away
ln -s /bin/false $daemon
check_exit 4 "strongSwan cannot start: exit 4" "$HELPER" "$A" /mnt/a -o secure=true
check_output "strongSwan.*start.*journalctl" "the message says it could not be started, and where to look"
check_within 30 "within 30 s"
check "nothing is mounted" not_mounted /mnt/a

rm $daemon
mv /usr/sbin/swanctl /usr/sbin/swanctl.away
check_exit 4 "strongSwan removed: exit 4" "$HELPER" "$A" /mnt/a -o secure=true
check_output "not installed.*charon-systemd.*strongswan-swanctl" "the message names the packages"
check "nothing is mounted" not_mounted /mnt/a
mv /etc/swanctl /etc/swanctl.away
check_exit 4 "strongSwan never installed: exit 4" "$HELPER" "$A" /mnt/a -o secure=true
check_output "not installed.*charon-systemd.*strongswan-swanctl" "the message names the packages"
check "nothing is mounted" not_mounted /mnt/a
check "without secure=true it needs no strongSwan" timeout 60 "$HELPER" "$C" /mnt/c
umount /mnt/c

put_back $daemon /usr/sbin/swanctl /etc/swanctl
systemctl reset-failed strongswan.service
check "strongSwan installed again, a mount works" "$HELPER" "$A" /mnt/a -o secure=true
