# Both generations of the metadata API; HTTPS with a trusted and with an unknown authority.
# limit: 120 time: 30
forget_certificate() { rm -f /etc/swanctl/x509/type_ibmshare.pem; }
check "both generations: a mount works" "$HELPER" "$A" /mnt/a -o secure=true
requests '^[0-9]+ PUT /identity/v1/token'
check_is "the new token path was asked" "$count" 1
requests 'instance_identity'
check_is "the old paths were not" "$count" 0
umount /mnt/a

at_end sharehost imds --http "$IMDS_ADDRESS:80"
for generation in new old; do
    sharehost imds --http "$IMDS_ADDRESS:80" --generation $generation
    : >"$IMDS_DIR/requests.log"
    forget_certificate
    check "only the $generation generation: a mount works" "$HELPER" "$A" /mnt/a -o secure=true
    note "requests: $(cut -d ' ' -f 2- "$IMDS_DIR/requests.log" | tr '\n' ';')"
    umount /mnt/a
done
requests 'POST /instance_identity/v1/certificates.* 20[0-9]$'
check_is "the old certificates path served it" "$count" 1

sharehost imds --https "$IMDS_ADDRESS:443"
forget_certificate
: >"$IMDS_DIR/requests.log"
check_exit 1 "HTTPS, its authority unknown: exit 1" "$HELPER" "$A" /mnt/a -o secure=true
check_output "[Cc]ertificate|SSL|TLS" "the message says that the certificate is the trouble"
check "nothing is mounted" not_mounted /mnt/a
requests .
check_is "nothing was asked of it" "$count" 0

# What update-ca-certificates would do, without its minute.
store=/etc/ssl/certs/ca-certificates.crt
cp $store "$LAB/store.crt"
at_end cp "$LAB/store.crt" $store
cat "$IMDS_DIR/web-ca.crt" >>$store
check "HTTPS, its authority in the system's trust store: a mount works" "$HELPER" "$A" /mnt/a -o secure=true
requests 'POST .*certificates.* 20[0-9]$'
check_is "the certificate came over HTTPS" "$count" 1

# Somewhere else, as share.conf says.
sharehost imds --http "$IMDS_ADDRESS:8080"
mkdir -p /etc/ibmcloud
echo "metadata_url = http://$IMDS_ADDRESS:8080" >/etc/ibmcloud/share.conf
umount /mnt/a
forget_certificate
: >"$IMDS_DIR/requests.log"
check "metadata_url= in share.conf: a mount works" "$HELPER" "$A" /mnt/a -o secure=true
requests 'POST .*certificates.* 20[0-9]$'
check_is "the certificate came from there" "$count" 1
