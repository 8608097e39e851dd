# Mounts a share by command, by an fstab line, and by host name; NFS options reach mount.nfs4 unchanged.
# limit: 150 time: 40
RECORD=$LAB/argv
record_nfs() { # mount.nfs4 is wrapped, to see what it was given
    local real=/usr/lib/lab/mount.nfs4
    mkdir -p /usr/lib/lab
    ln -sf /sbin/mount.nfs $real
    rm -f /sbin/mount.nfs4
    printf '#!/bin/sh\nprintf "%%s\\n" "$@" >%s\nexec %s "$@"\n' "$RECORD" "$real" >/sbin/mount.nfs4
    chmod 755 /sbin/mount.nfs4
}
end_record() { ln -sf mount.nfs /sbin/mount.nfs4; }

check "mount -t ibmshare -o secure=true mounts a share" mount -t ibmshare -o secure=true "$A" /mnt/a
check_silent "and says nothing"
check "the share is mounted" mounted /mnt/a
check_is "by NFS 4, from the address" "$mount_source" "$A"
check "a file on the share can be read" grep -q "a file on the share acdaecff_a291" /mnt/a/hello
check "and written" cp /mnt/a/hello /mnt/a/copy
run ip -s xfrm state
check_output "rfc4106\(gcm\(aes\)\)" "the kernel holds a security association with AES-256-GCM"
note "$mount_source on /mnt/a: $mount_super"
check "umount unmounts it" umount /mnt/a

echo "share.lab:/acdaecff_a291 /mnt/a ibmshare secure=true,_netdev 0 0" >/etc/fstab
check "a line in /etc/fstab with a host name: mount -a mounts it" mount -a
check "the share is mounted" mounted /mnt/a
check "mount -a again finds it mounted" mount -a
check_is "once" "$(grep -c ' /mnt/a nfs' /proc/self/mounts)" 1
umount /mnt/a
: >/etc/fstab

at_end end_record
record_nfs
check "NFS options are accepted" "$HELPER" share.lab:/acdaecff_a291 /mnt/a -v -o \
    secure=true,vers=4.1,ro,nconnect=2,rsize=65536,noresvport
check_output $'mount.ibmshare: .*\n.*mount.ibmshare: ' "-v tells the steps"
mapfile -t argv <"$RECORD"
note "mount.nfs4 was given: ${argv[*]}"
check_is "mount.nfs4 gets the address the name stands for" "${argv[0]}" "$A"
check_is "and the directory" "${argv[1]}" /mnt/a
options=,${argv[*]: -1},
for option in vers=4.1 ro nconnect=2 rsize=65536 noresvport sec=sys; do
    if [[ $options == *",$option,"* ]]; then ok "$option reaches mount.nfs4"; else failed "$option reaches mount.nfs4" "$options"; fi
done
if [[ $options == *secure* ]]; then failed "secure=true does not" "$options"; else ok "secure=true does not"; fi
mounted /mnt/a
check "read-only is in force" [ "${mount_super%%,*}" = ro ]
check "and nconnect=2" test "${mount_super/nconnect=2/}" != "$mount_super"
umount /mnt/a

check "a sec= of the user's own is accepted" "$HELPER" "$A" /mnt/a -o secure=true,sec=none
mapfile -t argv <"$RECORD"
check_is "and replaces sec=sys" "${argv[*]: -1}" "sec=none"
umount /mnt/a
rm -f "$RECORD"
check "-f does everything but mount" "$HELPER" "$A" /mnt/a -f -o secure=true
check "nothing is mounted" not_mounted /mnt/a
end_record

check "without secure=true it is a plain NFS mount" mount -t ibmshare "$A" /mnt/a
check "the share is mounted" mounted /mnt/a
check "a file on the share can be read" grep -q "a file on the share" /mnt/a/hello
