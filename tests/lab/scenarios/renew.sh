# --renew does nothing in silence while the certificate is young; --force replaces it, and the mount goes on encrypted.
# limit: 120 time: 25
leaf=/etc/swanctl/x509/type_ibmshare.pem
serial() { openssl x509 -in $leaf -noout -serial; }

check "--renew before any mount" "$HELPER" --renew
check_silent "says nothing"
requests .
check_is "and asks nothing" "$count" 0

check "a mount" "$HELPER" "$A" /mnt/a -o secure=true
first=$(serial)
requests 'POST .*certificates'
check_is "has one certificate" "$count" 1
check "--renew with a young certificate" "$HELPER" --renew
check_silent "says nothing"
requests 'POST .*certificates'
check_is "and asks for none" "$count" 1
check_is "the certificate is the same" "$(serial)" "$first"

capture_start
check "--renew --force" "$HELPER" --renew --force
check_silent "says nothing"
second=$(serial)
check "the certificate is another one" [ "$second" != "$first" ]
note "$first, then $second"
check "the mount goes on" grep -q "a file on the share" /mnt/a/hello
check "and can be written" dd if=/dev/zero of=/mnt/a/data bs=64k count=2 conv=fsync status=none
check "-RENEW_CERTIFICATE_NOW is the same" "$HELPER" -RENEW_CERTIFICATE_NOW
check "the certificate is another one" [ "$(serial)" != "$second" ]
run swanctl --list-certs --type x509 --pem
check "a second share with the new certificate" "$HELPER" "$C" /mnt/c -o secure=true
check "and the first goes on" dd if=/mnt/a/data of=/dev/null bs=64k iflag=direct status=none
capture_stop
capture_summary "$SHARE"
check_is "all that time nothing was in the clear" "$packets_clear" 0

fault any:403
check_exit 2 "--renew --force while tokens are refused: exit 2" "$HELPER" --renew --force
check_output "403" "the message says 403"
fault
check "the mount goes on" dd if=/mnt/a/data of=/dev/null bs=64k iflag=direct status=none
rm -f /mnt/a/data

# A certificate that a mount fetches is for the connections of all mounts: those that hold an ended one would be refused.
umount /mnt/a /mnt/c
"$HELPER" --renew
rm $leaf
fault certificates:short
check "a mount with a certificate of five seconds" "$HELPER" "$A" /mnt/a -o secure=true
dd if=/dev/zero of=/mnt/a/data bs=64k count=2 conv=fsync status=none
fault
sleep 6
check "which ended; a mount at another address fetches a new one" "$HELPER" "$C" /mnt/c -o secure=true
refused=$(journalctl -u share-charon.service | grep -c "subject certificate invalid")
run swanctl --terminate --force --ike "ibmshare-ipsec-to-${SHARE//./-}"
check "the first one's connection negotiates anew with that" \
    timeout 20 dd if=/mnt/a/data of=/dev/null bs=64k iflag=direct status=none
# The lab's share host remembers the new certificate and forgives; one that does not would refuse.
check_is "and does not show the ended one" "$(journalctl -u share-charon.service | grep -c "subject certificate invalid")" \
    "$refused"
rm -f /mnt/a/data
