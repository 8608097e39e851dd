# shellcheck shell=bash disable=SC2034 # used by those who read this file
# Addresses and places of the lab, for its scripts and scenarios.
LAB=/run/lab
CLIENT=10.240.0.4
SHARE=10.240.0.5
SHARE2=10.240.0.6
IMDS_ADDRESS=169.254.169.254
IMDS_DIR=/lab/imds
SHARE_ETC=/lab/sharehost
SHARE_PATHS=(acdaecff_a291 bb01f00d_0001 c0ffee00_1234)
A=$SHARE:/acdaecff_a291
B=$SHARE:/bb01f00d_0001
C=$SHARE2:/c0ffee00_1234
HELPER=/sbin/mount.ibmshare
