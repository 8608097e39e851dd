# Several shares: a second one on the same address, a second address, the same share twice, and 20 mounts at once.
# limit: 200 time: 40
check "the first share" "$HELPER" "$A" /mnt/a -o secure=true
check "a second share on the same address" "$HELPER" "$B" /mnt/b -o secure=true
check "a file on it can be read" grep -q "bb01f00d_0001" /mnt/b/hello
check "a share on a second address" "$HELPER" "$C" /mnt/c -o secure=true
check "a file on it can be read" grep -q "c0ffee00_1234" /mnt/c/hello
mkdir -p /mnt/again
check "the first share a second time, elsewhere" "$HELPER" "$A" /mnt/again -o secure=true
check "a file on it can be read" grep -q "acdaecff_a291" /mnt/again/hello
requests 'POST .*certificates'
check_is "all with one certificate request" "$count" 1
run swanctl --list-conns
note "connections: $(grep -o '^ibmshare[^:]*' <<<"$output" | tr '\n' ' ')"
check_is "strongSwan has one connection an address" "$(grep -c '^ibmshare-ipsec-to-' <<<"$output")" 2
run swanctl --list-sas
check_is "and one association an address" "$(grep -c '^ibmshare-ipsec-to-.*ESTABLISHED' <<<"$output")" 2
check "unmounting one share" umount /mnt/a
check "leaves the others: the second mount of it" grep -q "acdaecff_a291" /mnt/again/hello
check "and its neighbour" grep -q "bb01f00d_0001" /mnt/b/hello

# 20 at once, to 20 addresses, from nothing.
reset_client
sharehost addresses 20
capture_start
begun=$SECONDS
children=()
for ((i = 1; i <= 20; i++)); do
    mkdir -p "/mnt/many/$i"
    "$HELPER" "10.240.1.$i:/acdaecff_a291" "/mnt/many/$i" -o secure=true >"$LAB/many.$i" 2>&1 &
    children+=($!)
done
good=0
for ((i = 1; i <= 20; i++)); do
    if wait "${children[i - 1]}"; then good=$((good + 1)); else tell_seen "mount $i: exit $?: $(<"$LAB/many.$i")"; fi
done
note "20 mounts at once took $((SECONDS - begun)) s"
check_is "20 mounts started at once all succeed" "$good" 20
count=0
for ((i = 1; i <= 20; i++)); do
    if mounted "/mnt/many/$i"; then count=$((count + 1)); fi
done
check_is "all 20 are mounted" "$count" 20
requests 'POST .*certificates'
check_is "with one certificate request" "$count" 1
check_is "no message from any of them" "$(cat "$LAB"/many.*)" ""
capture_stop
for i in 1 20; do
    capture_summary "10.240.1.$i"
    check_is "nothing in the clear to 10.240.1.$i" "$packets_clear" 0
done
unmount_all
