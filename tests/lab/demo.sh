# The story that scripts/demo tells: an encrypted mount, what it looks like, and what was on the wire.
# limit: 120 time: 20
# Typed as a user would; what it prints is shown as it is.
type_in() {
    say ""
    say "    \$ $*"
    run bash -c "$*"
    [ -z "$output" ] || say "    ${output//$'\n'/$'\n'    }"
    [ "$status" = 0 ] || failed "$* (exit $status)"
}

say ""
say "A Debian machine with mount.ibmshare, and a share host at $SHARE. First the share as it is without encryption:"
capture_start plain
type_in mount -t ibmshare share.lab:/acdaecff_a291 /mnt/a
type_in cat /mnt/a/hello
type_in umount /mnt/a
capture_stop
capture_sort "$SHARE"
say ""
say "    On the wire: $packets_total packets to the share, $packets_esp ESP, $packets_clear in the clear."
if [ "$packets_clear" -gt 0 ]; then ok "the capture sees what is in the clear"; else failed "the capture is blind"; fi

say ""
say "Now with secure=true. The helper gets a token and a certificate from the metadata service, sets strongSwan up, mounts:"
capture_start encrypted
type_in mount -v -t ibmshare -o secure=true share.lab:/acdaecff_a291 /mnt/a
type_in findmnt -t nfs4 -o SOURCE,TARGET,FSTYPE,OPTIONS
type_in cat /mnt/a/hello
type_in "dd if=/dev/zero of=/mnt/a/megabyte bs=1M count=1 conv=fsync 2>&1 | tail -n 1"
say ""
say "The security association that strongSwan negotiated, and the kernel's count of what went through it:"
type_in "swanctl --list-sas 2>/dev/null"
type_in "ip -s xfrm state list nokeys dst $SHARE | grep -E '^src|proto esp|[0-9]+\\(bytes\\)'"
type_in umount /mnt/a
capture_stop
capture_sort "$SHARE"
say ""
say "    On the wire: $((packets_esp + packets_ike + packets_clear)) packets to the share, $packets_esp ESP," \
    "$packets_ike IKE, $packets_clear in the clear."
if [ "$packets_clear" = 0 ] && [ "$packets_esp" -gt 20 ]; then
    ok "every packet of the encrypted mount was ESP"
else
    failed "packets were in the clear"
fi

say ""
say "What was written where:"
type_in "cd /etc/swanctl && ls -l */type_ibmshare*"
type_in tail -n 3 /opt/ibm/mount-ibmshare/mount-ibmshare.log
say ""
