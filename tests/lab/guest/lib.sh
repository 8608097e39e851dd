# shellcheck shell=bash disable=SC2034
# What scenarios are written with. A scenario is a bash script read after this file; it runs commands, looks at what they
# did, and tells what it saw. Nothing here forks where bash can do it alone: system calls are slow in the guest.
set -u
# shellcheck source=tests/lab/guest/names.sh
. /src/tests/lab/guest/names.sh

scenario=$1
RESULT=/results/$scenario
mkdir -p "$RESULT"
exec 3>>/results/live 4>>"$RESULT/transcript"

status=0   # exit code of the last command that run or check started
output=    # its stdout and stderr
took=0     # how long it ran, in milliseconds

# --- telling -----------------------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*" >&3; }
note() {
    say "        $scenario: $*"
    printf '# %s\n' "$*" >&4
}
ok() {
    say "ok      $scenario: $*"
    printf '# ok: %s\n' "$*" >&4
    printf 'ok %s\n' "$*" >>"$RESULT/checks"
}
# failed TEXT [WHAT WAS SEEN]
failed() {
    say "FAILED  $scenario: $1"
    printf '# FAILED: %s\n' "$*" >&4
    printf 'failed %s\n' "$1" >>"$RESULT/checks"
    [ $# = 1 ] || tell_seen "$2"
    return 1
}
skip() {
    say "skipped $scenario: $*"
    printf 'skipped %s\n' "$*" >>"$RESULT/checks"
}
tell_seen() {
    local line count=0
    while IFS= read -r line; do
        count=$((count + 1))
        [ $count -le 12 ] || break
        say "            $line"
    done <<<"$1"
}
last_command() {
    printf '$ %s\n%s\n(exit %d after %d.%03d s)' "$command" "$output" "$status" $((took / 1000)) $((took % 1000))
}

# --- running and checking ----------------------------------------------------------------------------------------------

# run COMMAND...: leaves its exit code, output and time in $status, $output and $took.
run() {
    local begun=${EPOCHREALTIME/./}
    printf -v command '%q ' "$@"
    printf '$ %s\n' "$command" >&4
    status=0
    "$@" >"$LAB/output" 2>&1 </dev/null || status=$?
    took=$(((${EPOCHREALTIME/./} - begun) / 1000))
    IFS= read -r -d '' output <"$LAB/output"
    output=${output%$'\n'}
    printf '%s\n(exit %d after %d ms)\n' "$output" "$status" "$took" >&4
}

# check TEXT COMMAND...: the command succeeds.
check() {
    local text=$1
    shift
    run "$@"
    if [ "$status" = 0 ]; then ok "$text"; else failed "$text" "$(last_command)"; fi
}

# check_exit CODE TEXT COMMAND...: the command ends with this exit code.
check_exit() {
    local code=$1 text=$2
    shift 2
    run "$@"
    if [ "$status" = "$code" ]; then ok "$text"; else failed "$text (wanted exit $code)" "$(last_command)"; fi
}

# Of the last command: its output matches the extended regular expression, does not, is nothing; it was fast enough.
check_output() {
    if [[ $output =~ $1 ]]; then ok "$2"; else failed "$2 (wanted output matching '$1')" "$(last_command)"; fi
}
check_no_output() {
    if ! [[ $output =~ $1 ]]; then ok "$2"; else failed "$2 (wanted no output matching '$1')" "$(last_command)"; fi
}
check_silent() {
    if [ -z "$output" ]; then ok "$1"; else failed "$1 (wanted no output)" "$(last_command)"; fi
}
check_within() {
    if [ "$took" -le $(($1 * 1000)) ]; then ok "$2"; else failed "$2 (wanted at most $1 s)" "$(last_command)"; fi
}

# check_is TEXT GOT WANTED
check_is() {
    if [ "$2" = "$3" ]; then ok "$1"; else failed "$1" "got:    $2"$'\n'"wanted: $3"; fi
}

# at_end COMMAND...: done when the scenario ends, however it ends; the last one first.
end_commands=()
at_end() {
    printf -v command '%q ' "$@"
    end_commands=("$command" ${end_commands[@]+"${end_commands[@]}"})
}
end_scenario() {
    local command
    capture_stop
    for command in ${end_commands[@]+"${end_commands[@]}"}; do eval "$command"; done
}

# Waits until the command succeeds: until SECONDS COMMAND...
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}

# --- the client --------------------------------------------------------------------------------------------------------

# find_mount DIR: sets mount_source, mount_options, mount_super of the NFS mount that is visible there.
find_mount() {
    local id parent dev root dir options rest found=1
    while read -r id parent dev root dir options rest; do
        if [ "$dir" = "$1" ]; then
            found=1
            if [[ $rest =~ -\ nfs4?\ ([^ ]+)\ (.*)$ ]]; then
                mount_source=${BASH_REMATCH[1]} mount_options=$options mount_super=${BASH_REMATCH[2]}
                found=0
            fi
        fi
    done </proc/self/mountinfo
    : "$id $parent $dev $root"
    return $found
}
mounted() { find_mount "$1"; }
not_mounted() { ! find_mount "$1"; }

unmount_all() {
    local id parent dev root dir rest dirs=()
    while read -r id parent dev root dir rest; do
        [[ $rest =~ -\ nfs4?\  ]] && dirs=("$dir" ${dirs[@]+"${dirs[@]}"})
    done </proc/self/mountinfo
    : "$id $parent $dev $root"
    [ ${#dirs[@]} = 0 ] || timeout -k 2 20 umount "${dirs[@]}" 2>/dev/null || umount -f -l "${dirs[@]}"
}

# Everything the helper left in strongSwan's directories, by content: to see that nothing has changed.
swanctl_listing() { (cd /etc/swanctl && find . -type f -exec sha256sum {} + | sort -k 2); }

sharehost() { /src/tests/lab/guest/sharehost "$@"; }

# The clean state: as after `make install` and `mount.ibmshare --setup`, strongSwan running, nothing mounted, no faults.
reset_client() {
    rm -f "$IMDS_DIR/fault"
    unmount_all
    systemctl stop strongswan.service
    ip xfrm policy flush
    ip xfrm state flush
    # The directory itself stays: the share host has its own mounted over it, and would lose that.
    find /etc/swanctl -mindepth 1 -delete
    rm -rf /etc/ibmcloud /etc/ibmshare /etc/fstab
    # A renewal job that runs between two checks would take away what a scenario looks at.
    rm -f /etc/cron.d/mount-ibmshare
    cp -a "$LAB/pristine/." /
    touch -d @0 /etc/fstab # or mount(8) hints that systemd has not read it
    systemctl reset-failed strongswan.service 2>/dev/null
    systemctl start strongswan.service
    if [ -n "$(ip -n sharehost xfrm state)" ]; then
        systemctl restart share-charon.service
    fi
    : >"$IMDS_DIR/requests.log"
}

# fault WORD...: the metadata stand-in misbehaves, ENDPOINT:FAULT; no word ends it.
fault() {
    if [ $# = 0 ]; then rm -f "$IMDS_DIR/fault"; else printf '%s\n' "$*" >"$IMDS_DIR/fault"; fi
}

# requests REGEX: how many requests the metadata stand-in has seen that match, in $count.
requests() {
    local line
    count=0
    while IFS= read -r line; do
        if [[ $line =~ $1 ]]; then count=$((count + 1)); fi
    done <"$IMDS_DIR/requests.log"
}

# --- the capture -------------------------------------------------------------------------------------------------------

capture_pid=
capture_file=
packets_total=0 packets_esp=0 packets_ike=0 packets_arp=0 packets_clear=0
capture_start() {
    capture_file=$RESULT/${1:-packets}.pcap
    : >"$LAB/tcpdump"
    # The buffer is cut into slots of the longest packet: enough of them for what comes in a burst. No packet on the
    # wire is longer than 16 KiB, but those that the kernel would cut for a real card.
    nsenter --net=/run/netns/sharehost \
        tcpdump -i to-client -n -s 16384 -B 65536 -U -Z root --immediate-mode -w "$capture_file" 2>"$LAB/tcpdump" &
    capture_pid=$!
    until [[ $(<"$LAB/tcpdump") == *"listening on"* ]]; do sleep 0.05; done
}
capture_stop() {
    [ -n "$capture_pid" ] || return 0
    sleep 0.3
    kill -INT "$capture_pid"
    wait "$capture_pid"
    capture_pid=
    # A capture with holes proves nothing.
    if ! [[ $(<"$LAB/tcpdump") =~ (^|[^0-9])0\ packets\ dropped ]]; then
        failed "the capture is complete" "$(<"$LAB/tcpdump")"
    fi
}
capture_count() { tcpdump --count -n -r "$capture_file" "host $CLIENT and host $1 and ($2)" 2>/dev/null; }

# Sorts what passed between the client and one share address: packets_esp, packets_ike (keepalives included),
# packets_arp, packets_clear, packets_total. In the clear is whatever is none of the others: a new way to leak is a leak.
# The later fragments of a datagram have no ports; the first one tells what it is, and an ESP one is never in the clear.
capture_sort() {
    local nat='udp port 4500' counts
    local esp="($nat and udp[4:2] > 12 and udp[8:4] != 0) or ip proto 50 or (udp and ip[6:2] & 0x1fff != 0)"
    local ike="udp port 500 or ($nat and udp[4:2] > 12 and udp[8:4] = 0) or ($nat and udp[4:2] = 9 and udp[8] = 0xff)"
    for counts in total:len\>0 "esp:$esp" "ike:$ike" arp:arp "clear:not (arp or $esp or $ike)"; do
        local number
        number=$(capture_count "$1" "${counts#*:}")
        printf -v "packets_${counts%%:*}" '%s' "${number%% *}"
    done
}
capture_summary() {
    local address=${1:-$SHARE}
    capture_sort "$address"
    note "$((packets_esp + packets_ike + packets_clear)) packets to the share $address, $packets_esp ESP," \
        "$packets_ike IKE, $packets_clear in the clear"
    if [ "$packets_clear" != 0 ]; then
        tcpdump -n -c 5 -r "$capture_file" \
            "host $CLIENT and host $address and not arp and not udp port 500 and not udp port 4500" >"$LAB/clear" 2>/dev/null
        tell_seen "$(<"$LAB/clear")"
    fi
}
