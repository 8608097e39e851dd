# shellcheck shell=bash disable=SC2154
# For the scenarios of the metadata service's faults.
FAULT_LIMIT=15 # seconds that the helper may take, whatever the service does

faults_begin() {
    check "without a fault a mount works" "$HELPER" "$A" /mnt/a -o secure=true
    umount /mnt/a
    forget
}

# Without a leaf the next mount has to ask for one; and without a connection the scheduled renewal has nothing to tidy.
forget() {
    rm -f /etc/swanctl/x509/type_ibmshare.pem /etc/swanctl/conf.d/type_ibmshare_*
    shopt -s nullglob dotglob
    before=$(sha256sum /etc/swanctl/*/*)
    shopt -u nullglob dotglob
}

# faulty NAME CODE REGEX: a mount under the fault that is on; one line tells all that is wrong with it.
faulty() {
    local name=$1 wrong='' after
    run "$HELPER" "$A" /mnt/a -o secure=true
    shopt -s nullglob dotglob
    after=$(sha256sum /etc/swanctl/*/*)
    shopt -u nullglob dotglob
    [[ $status =~ ^$2$ ]] || wrong+=" exit $status instead of $2;"
    [[ $output =~ $3 ]] || wrong+=" no message matching '$3';"
    [ "$took" -le $((FAULT_LIMIT * 1000)) ] || wrong+=" it took more than $FAULT_LIMIT s;"
    [ "$after" = "$before" ] || wrong+=" files under /etc/swanctl have changed;"
    not_mounted /mnt/a || wrong+=" the share is mounted;"
    if [ -n "$wrong" ]; then
        failed "$name:$wrong" "$(last_command)"$'\n'"$(diff <(echo "$before") <(echo "$after"))"
    else
        ok "$name: exit $status in $((took / 1000)).$((took / 100 % 10)) s: ${output%%$'\n'*}"
    fi
    umount /mnt/a 2>/dev/null
}

works_again() {
    run "$HELPER" "$A" /mnt/a -o secure=true
    if [ "$status" = 0 ] && mounted /mnt/a; then
        printf 'ok after %s a mount works\n' "$1" >>"$RESULT/checks"
    else
        failed "after $1 the next mount works" "$(last_command)"
    fi
    umount /mnt/a
    forget
}

# faults ENDPOINT: reads lines FAULT CODE REGEX
faults() {
    local name code regex
    while read -r name code regex <&5; do
        fault "$1:$name"
        faulty "$1:$name" "$code" "$regex"
        fault
        works_again "$1:$name"
    done 5<&0
}
