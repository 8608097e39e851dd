# The files in strongSwan's directories: names, modes, owners; a private key that others can read is mended.
# limit: 120 time: 25
check_mode() {
    local mode
    mode=$(stat -c '%a %U:%G' "$1" 2>&1)
    check_is "$1 is $2 root:root" "$mode" "$2 root:root"
}
check "a mount" "$HELPER" "$A" /mnt/a -o secure=true
d=/etc/swanctl
note "$(cd $d && stat -c '%a %U %n' private/type_* x509/type_* x509ca/type_* conf.d/type_* | tr '\n' ';')"
check_mode $d/private/type_ibmshare.key 600
check_mode $d/x509/type_ibmshare.pem 644
check_mode $d/x509ca/type_ibmshare_int.crt 644
check_mode $d/x509ca/type_ibmshare_root_lab.crt 644
check_mode "$d/conf.d/type_ibmshare_$SHARE.conf" 644
check_mode /opt/ibm/mount-ibmshare/mount-ibmshare.log 640
shopt -s nullglob dotglob
left=("$d"/private/* "$d"/x509/* "$d"/x509ca/* "$d"/conf.d/*)
shopt -u nullglob dotglob
check_is "and no other file" "${#left[@]}" 5
check_is "the key is the leaf's" "$(openssl pkey -in $d/private/type_ibmshare.key -pubout)" \
    "$(openssl x509 -in $d/x509/type_ibmshare.pem -noout -pubkey)"
run openssl x509 -in $d/x509/type_ibmshare.pem -noout -subject -issuer -dates
note "${output//$'\n'/; }"
check "the intermediate signed the leaf" openssl verify -partial_chain -CAfile $d/x509ca/type_ibmshare_int.crt \
    $d/x509/type_ibmshare.pem
for setting in 'proposals = aes256-sha384-ecp384' 'encap = yes' 'mode = transport' 'esp_proposals = aes256gcm16' \
    'start_action = trap' "remote_addrs = $SHARE"; do
    check "the connection says $setting" grep -Eq "^\s*${setting// = /\\s*=\\s*}\s*$" "$d/conf.d/type_ibmshare_$SHARE.conf"
done
check "swanctl can load what was written" swanctl --load-all --noprompt
check_output "loaded connection 'ibmshare-ipsec-to-10-240-0-5'" "under the name ibmshare-ipsec-to-10-240-0-5"
check "the mount goes on" grep -q "a file on the share" /mnt/a/hello
umount /mnt/a

chmod 644 $d/private/type_ibmshare.key
check "a mount finds the key readable by all" "$HELPER" "$A" /mnt/a -o secure=true
check_mode $d/private/type_ibmshare.key 600
umount /mnt/a

rm -f $d/private/type_ibmshare.key
check "a mount finds no key" "$HELPER" "$A" /mnt/a -o secure=true
check_mode $d/private/type_ibmshare.key 600
check_is "the new key is the leaf's" "$(openssl pkey -in $d/private/type_ibmshare.key -pubout)" \
    "$(openssl x509 -in $d/x509/type_ibmshare.pem -noout -pubkey)"
check "the share can be read" grep -q "a file on the share" /mnt/a/hello
