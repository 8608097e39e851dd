# Not root, missing arguments, bad sources, targets and settings: an exit code and a message for each, and no trace.
# limit: 120 time: 30
before=$(swanctl_listing)
conf=/etc/ibmcloud/share.conf

# refuses CODE REGEX TEXT COMMAND...
refuses() {
    local code=$1 regex=$2 text=$3
    shift 3
    run "$@"
    if [ "$status" = "$code" ] && [[ $output =~ $regex ]]; then
        ok "$text: exit $code, ${output%%$'\n'*}"
    else
        failed "$text (wanted exit $code and a message matching '$regex')" "$(last_command)"
    fi
}

refuses 7 root "not root" setpriv --reuid=65534 --regid=65534 --clear-groups "$HELPER" "$A" /mnt/a -o secure=true
refuses 6 "usage|missing" "no argument" "$HELPER"
refuses 6 "usage|missing" "no target" "$HELPER" "$A"
refuses 6 "usage|argument" "an argument too many" "$HELPER" "$A" /mnt/a /mnt/b
refuses 6 "option|usage" "an unknown switch" "$HELPER" "$A" /mnt/a -Q
refuses 6 "HOST:/PATH" "source 'host'" "$HELPER" host /mnt/a -o secure=true
refuses 6 "HOST:/PATH" "source ':/path'" "$HELPER" :/path /mnt/a -o secure=true
refuses 6 "HOST:/PATH" "source 'host:'" "$HELPER" host: /mnt/a -o secure=true
refuses 6 "HOST:/PATH" "source 'host:path'" "$HELPER" 10.240.0.5:path /mnt/a -o secure=true
refuses 6 "HOST:/PATH" "an empty source" "$HELPER" "" /mnt/a -o secure=true
refuses 6 "nowhere.invalid" "a name that cannot be resolved" "$HELPER" nowhere.invalid:/x /mnt/a -o secure=true
refuses 6 "source" "a newline in the host" "$HELPER" $'10.240.0.5\n}:/x' /mnt/a -o secure=true
refuses 6 "source" "a } in the host" "$HELPER" '10.240.0.5}:/x' /mnt/a -o secure=true
refuses 6 "source" "a } in the path" "$HELPER" '10.240.0.5:/x}y' /mnt/a -o secure=true
refuses 6 "source" "a newline in the path" "$HELPER" $'10.240.0.5:/x\ny' /mnt/a -o secure=true
refuses 6 "source" "the loopback address" "$HELPER" 127.0.0.1:/x /mnt/a -o secure=true
refuses 6 "source" "address 0.0.0.0" "$HELPER" 0.0.0.0:/x /mnt/a -o secure=true
refuses 6 "IPv6|source" "an IPv6 address" "$HELPER" '[fd00::5]:/x' /mnt/a -o secure=true
refuses 6 "/nowhere" "a target that is not there" "$HELPER" "$A" /nowhere -o secure=true
refuses 6 "not a directory" "a target that is a file" "$HELPER" "$A" /etc/passwd -o secure=true
refuses 6 "secure" "secure=maybe" "$HELPER" "$A" /mnt/a -o secure=maybe
refuses 6 "more than one|only one" "two kinds of encryption" "$HELPER" "$A" /mnt/a -o secure=true,stunnel
refuses 6 "not .*yet|not supported" "stunnel" "$HELPER" "$A" /mnt/a -o stunnel
refuses 6 "not .*yet|not supported" "tls" "$HELPER" "$A" /mnt/a -o tls
for option in max_connect=2 trunkdiscovery; do
    refuses 6 "max_connect and trunkdiscovery" "$option with encryption" "$HELPER" "$A" /mnt/a -o secure=true,$option
done
refuses 6 "namespace" "another mount namespace with encryption" "$HELPER" "$A" /mnt/a -N /proc/1/ns/mnt -o secure=true
check_is "no file of strongSwan's has changed" "$(swanctl_listing)" "$before"
requests .
check_is "nothing was asked of the metadata service" "$count" 0

cp $conf "$LAB/share.conf"
bad_setting() { # REGEX TEXT LINE
    printf '# a comment\n%s\n' "$3" >$conf
    refuses 6 "share.conf:2: ?.*$1" "$2" "$HELPER" "$A" /mnt/a -o secure=true
}
bad_setting "certificate_duration_seconds" "a certificate's life of 299 s" certificate_duration_seconds=299
bad_setting "3600" "of 3601 s: the range is told" certificate_duration_seconds=3601
bad_setting "certificate_duration_seconds" "of 'an hour'" "certificate_duration_seconds = an hour"
bad_setting "region" "an unknown region" region=atlantis
bad_setting "key=value" "a line without =" "certificate_duration_seconds 600"
printf 'colour = blue\ncertificate_duration_seconds = 600 # ten minutes\n' >$conf
check "an unknown key is only a warning" "$HELPER" "$A" /mnt/a -o secure=true
check_output "share.conf:1:.*colour" "which names the file, the line and the key"
life=$(($(date -d "$(openssl x509 -in /etc/swanctl/x509/type_ibmshare.pem -noout -enddate | cut -d = -f 2)" +%s) - EPOCHSECONDS))
check "and the certificate's life is as set (it has $life s)" [ $((life > 500 && life <= 600)) = 1 ]
umount /mnt/a
cp "$LAB/share.conf" $conf
