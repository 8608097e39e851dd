# A root CA that does not fit, on either side: exit 4 within 30 s, a message that says which certificate was not trusted.
# limit: 150 time: 40
# The client has another root than the share host's.
cp "$IMDS_DIR/other-root.crt" /etc/swanctl/x509ca/type_ibmshare_root_lab.crt
systemctl restart strongswan.service
check_exit 4 "the client does not trust the share host: exit 4" "$HELPER" "$A" /mnt/a -o secure=true
tell_seen "$output"
check_within 30 "within 30 s"
check_output "share host's certificate .*not trusted" "the message says whose certificate is not trusted"
check_output "mount.ibmshare --setup" "and what to do"
check "nothing is mounted" not_mounted /mnt/a

# The right root is installed again, as a user would do it.
check "the right root is installed" "$HELPER" --setup "$LAB/root-ca"
check "then a mount works" "$HELPER" "$A" /mnt/a -o secure=true
umount /mnt/a

# The share host has another chain: it shows a certificate of another root, and trusts only that.
reset_client
at_end sharehost ca lab
sharehost ca other
check_exit 4 "the share host belongs to another authority: exit 4" "$HELPER" "$A" /mnt/a -o secure=true
tell_seen "$output"
check_within 30 "within 30 s"
check_output "certificate" "the message says that a certificate was not trusted"
check_output "share host" "and whose"
check "nothing is mounted" not_mounted /mnt/a
sharehost ca mixed
reset_client
check_exit 4 "the share host does not trust the client: exit 4" "$HELPER" "$A" /mnt/a -o secure=true
tell_seen "$output"
check_within 30 "within 30 s"
check_output "does not trust this instance's certificate" "the message says that the client's is not trusted"
check "nothing is mounted" not_mounted /mnt/a
sharehost ca lab
reset_client
check "all in order again, a mount works" "$HELPER" "$A" /mnt/a -o secure=true
