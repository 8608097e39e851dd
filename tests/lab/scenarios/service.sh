# strongSwan stopped: the helper starts it. strongSwan absent: exit 4 and the package to install.
# limit: 120 time: 25
systemctl stop strongswan.service
check "with strongSwan stopped, a mount works" "$HELPER" "$A" /mnt/a -o secure=true
check "a file on the share can be read" grep -q "a file on the share" /mnt/a/hello
check_is "systemd says strongSwan runs" "$(systemctl is-active strongswan.service)" active
umount /mnt/a

systemctl stop strongswan.service
systemctl mask --runtime --quiet strongswan.service
check_exit 4 "with strongSwan masked: exit 4" "$HELPER" "$A" /mnt/a -o secure=true
check_output "strongSwan.*(start|masked|systemctl)" "the message says it could not be started"
check_within 30 "within 30 s"
check "nothing is mounted" not_mounted /mnt/a
systemctl unmask --runtime --quiet strongswan.service

programs=(/usr/sbin/swanctl /usr/sbin/charon-systemd /usr/lib/systemd/system/strongswan.service)
for program in "${programs[@]}"; do mv "$program" "$program.away"; done
mv /etc/swanctl /etc/swanctl.away
systemctl daemon-reload
check_exit 4 "with strongSwan absent: exit 4" "$HELPER" "$A" /mnt/a -o secure=true
check_output "charon-systemd" "the message names the package charon-systemd"
check_output "strongswan-swanctl" "and strongswan-swanctl"
check "nothing is mounted" not_mounted /mnt/a
check "without secure=true it needs no strongSwan" "$HELPER" "$A" /mnt/a
umount /mnt/a
mv /etc/swanctl.away /etc/swanctl
for program in "${programs[@]}"; do mv "$program.away" "$program"; done
systemctl daemon-reload
check "strongSwan installed again, a mount works" "$HELPER" "$A" /mnt/a -o secure=true
