# No token, private key or Authorization header in any output, log, process list or core.
# limit: 180 time: 45
log=/opt/ibm/mount-ibmshare/mount-ibmshare.log
said=$LAB/said
: >"$said"
say_and_keep() { "$@" >>"$said" 2>&1; }
cursor=$(journalctl --show-cursor -n 0 | sed -n 's/^-- cursor: //p')

# What any process list could ever show: every program executed, with its arguments and environment.
recorded() { say_and_keep strace -f -q -v -s 65536 -e trace=execve -A -o "$RESULT/executed" "$@"; }
forget_certificate() { rm -f /etc/swanctl/x509/type_ibmshare.pem; }

capture_start
# shellcheck disable=SC2153 # helper and HELPER are two things
recorded "$HELPER" "$A" /mnt/a -v -o secure=true
check "a mount with -v" mounted /mnt/a
recorded "$HELPER" --renew --force -v
umount /mnt/a
check "the programs it executed were recorded" grep -q "mount.nfs4.*$A" "$RESULT/executed"
for fault in certificates:echotoken token:echotoken any:controlchars certificates:403 certificates:otherkey \
    token:truncated certificates:garbage; do
    forget_certificate
    fault "$fault"
    if say_and_keep "$HELPER" "$A" /mnt/a -v -o secure=true; then failed "$fault: the mount fails"; fi
done
fault
capture_stop

# Ended in the middle of it, with limits that would let a core be written.
cores=/lab/cores
mkdir -p $cores
previous=$(</proc/sys/kernel/core_pattern)
at_end eval "echo '$previous' >/proc/sys/kernel/core_pattern"
echo "$cores/core.%e.%p" >/proc/sys/kernel/core_pattern
ulimit -c unlimited
sleep 60 &
sleep 0.5
kill -ABRT $!
wait $! 2>/dev/null
check "a program that is aborted does leave a core here" compgen -G "$cores/core.sleep.*"
forget_certificate
fault certificates:slow
"$HELPER" "$A" /mnt/a -v -o secure=true >>"$said" 2>&1 &
helper=$!
until [ -s "$IMDS_DIR/requests.log" ] && grep -q 'PUT.* 200' "$IMDS_DIR/requests.log"; do sleep 0.1; done
sleep 0.3
kill -ABRT $helper
wait $helper 2>/dev/null
code=$?
fault
check_is "the helper, aborted while it holds a token, ended by the signal" "$code" 134
if compgen -G "$cores/core.mount*" >/dev/null; then failed "and left no core"; else ok "and left no core"; fi
ulimit -c 0

# What must be nowhere: the tokens as they went over the wire, every line of the private keys, the header's name.
{
    grep -aoE 'Bearer [A-Za-z0-9._~+/=-]{20,}' "$capture_file" | cut -d ' ' -f 2
    grep -aoE '"access_token": ?"[^"]{20,}"' "$capture_file" | cut -d '"' -f 4
} | sort -u >"$LAB/tokens"
tokens=$(wc -l <"$LAB/tokens")
check "tokens were seen on the wire ($tokens)" [ "$tokens" -ge 3 ]
{
    cut -c 1-40 "$LAB/tokens"
    grep -v -e '-----' /etc/swanctl/private/type_ibmshare.key
    echo 'Authorization:'
    echo 'PRIVATE KEY'
} >"$LAB/secrets"
journalctl --after-cursor="$cursor" -a -o short >"$LAB/journal"
check "the journal has the helper's messages" grep -q mount.ibmshare "$LAB/journal"
check "the log file too" [ -s $log ]
check "and the terminal" grep -q "mount.ibmshare: " "$said"
for place in "$said:the terminal" "$LAB/journal:the journal" "$log:the log file" "$RESULT/executed:the arguments or environment of a program"; do
    found=$(grep -aFn -f "$LAB/secrets" "${place%%:*}" | cut -c 1-250)
    check_is "no secret in ${place#*:}" "$found" ""
done
found=$(grep -rlaF -f "$LAB/tokens" /etc /run/ibmshare* /opt/ibm /tmp /var/log 2>/dev/null)
check_is "no token in any file under /etc, /opt, /tmp, /var/log" "$found" ""
check_is "no control character of a reply on the terminal" "$(grep -acP '\x1b|\r' "$said")" 0
