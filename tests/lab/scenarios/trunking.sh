# Two addresses of one NFS server: the kernel may send one mount's traffic over the other's connection, never in the clear.
# limit: 150 time: 25
# With NFS 4.1 the client asks who the server is, and gives all mounts of one server to the first one's connection.
sums() { # TEXT: both addresses together
    capture_stop
    local clear
    capture_summary "$SHARE"
    clear=$packets_clear
    capture_summary "$SHARE2"
    check_is "$1" $((clear + packets_clear)) "${2:-0}"
}
busy() { # DIR: what is certain to be sent
    check "a file on $1 is written" dd if=/dev/zero of="$1/data" bs=64k count=2 conv=fsync status=none
    check "and read past the cache" dd if="$1/data" of=/dev/null bs=64k iflag=direct status=none
}

# Two encrypted mounts; the one whose connection both may use goes first, and what the helper keeps for it after that.
check "an encrypted mount at one address" "$HELPER" "$A" /mnt/a -o secure=true
check "and one at the other" "$HELPER" "$C" /mnt/c -o secure=true
capture_start both
busy /mnt/c
sums "both mounted: 0 packets in the clear"
check "the first is unmounted" umount /mnt/a
check "and forgotten" "$HELPER" --renew
run ip xfrm policy
capture_start second
busy /mnt/c
sums "the second one alone: 0 packets in the clear"
umount /mnt/c

# An unencrypted one first: the encrypted one must not end up on its connection, or must be refused.
reset_client
check "an unencrypted mount at one address" "$HELPER" "$A" /mnt/a
capture_start plain-first
run "$HELPER" "$C" /mnt/c -o secure=true
note "an encrypted one at the other: exit $status"
if mounted /mnt/c; then
    busy /mnt/c
    grep -q c0ffee00 /mnt/c/hello
    capture_stop
    if grep -qa "a file on the share c0ffee00" "$capture_file"; then
        failed "the encrypted mount's data is not in the clear"
    else
        ok "the encrypted mount's data is not in the clear"
    fi
    capture_summary "$SHARE"
    check "and goes to its own address" [ "$packets_clear" -lt 20 ]
else
    capture_stop
    check_is "it is refused with exit 4" "$status" 4
    check_output "$SHARE" "and the message names the address of the other mount"
fi
