# The renewal job: cron where cron runs, a systemd timer elsewhere, never both; failures are logged once, not every minute.
# limit: 300 time: 100
CRON=/etc/cron.d/mount-ibmshare TIMER=mount-ibmshare-renew.timer
conf=/etc/swanctl/conf.d/type_ibmshare_$SHARE.conf
gone() { [ ! -e "$conf" ]; }

check "cron runs here: --setup" "$HELPER" --setup "$LAB/root-ca"
check "writes $CRON" grep -q -- "--renew" "$CRON"
run systemctl is-enabled $TIMER
check_is "and leaves the timer off" "$output" disabled
check "a mount" "$HELPER" "$A" /mnt/a -o secure=true
umount /mnt/a
check "cron runs the job within a minute or so: what the mount had set up is gone" until_true 75 gone

systemctl disable --now cron.service 2>/dev/null
check "no cron: --setup" "$HELPER" --setup "$LAB/root-ca"
check "takes $CRON away" test ! -e "$CRON"
run systemctl is-enabled $TIMER
check_is "and enables the timer" "$output" enabled
run systemctl list-timers --no-pager $TIMER
check_output "$TIMER" "which systemctl list-timers shows"
check "a mount" "$HELPER" "$A" /mnt/a -o secure=true
umount /mnt/a
check "the timer runs the job within a minute or so" until_true 75 gone
journalctl --no-pager -u mount-ibmshare-renew.service -o cat >"$LAB/lines"
check_is "which leaves nothing in the journal" "$(grep -vc -e '^-- ' -e 'not mounted any more' "$LAB/lines")" 0
systemctl disable --now $TIMER 2>/dev/null

# A certificate of the shortest life, and a metadata service that fails. No job runs now but the ones typed here.
mkdir -p /etc/ibmcloud
echo "certificate_duration_seconds=300" >/etc/ibmcloud/share.conf
rm /etc/swanctl/x509/type_ibmshare.pem
check "a mount with a certificate of 300 s" "$HELPER" "$A" /mnt/a -o secure=true
check "a young certificate: --renew" "$HELPER" --renew
check_silent "says nothing"
fault token:500
# As if 250 seconds had passed.
date -s "@$(($(date +%s) + 250))" >/dev/null
check_exit 2 "past 70 % of its life, the service failing: --renew" "$HELPER" --renew
check_output "still good" "says that the certificate is still good"
check_exit 2 "the next run" "$HELPER" --renew
check_silent "says nothing"
date -s "@$(($(date +%s) + 100))" >/dev/null
check_exit 2 "past its end" "$HELPER" --renew
check_output "no valid certificate" "says so"
check_exit 2 "the next run" "$HELPER" --renew
check_silent "says nothing"
check "the live mount goes on" timeout 20 cat /mnt/a/hello
fault
check "the service back: --renew" "$HELPER" --renew
check_silent "says nothing"
check "and logs that it works again" grep -q "works again" /opt/ibm/mount-ibmshare/mount-ibmshare.log
check "a new connection with the new certificate" "$HELPER" "$C" /mnt/c -o secure=true
date -s "@$(($(date +%s) - 350))" >/dev/null
check "the clock set back before its start: --renew" "$HELPER" --renew
check "gets a certificate that is valid now" "$HELPER" --renew
check_silent "and is content with it"

# What a killed process may have left.
: >/etc/swanctl/private/.type_ibmshare.key.0123456789abcdef.tmp
check "a temporary file left over: --renew" "$HELPER" --renew
check "takes it away" test ! -e /etc/swanctl/private/.type_ibmshare.key.0123456789abcdef.tmp
systemctl enable --now cron.service 2>/dev/null
