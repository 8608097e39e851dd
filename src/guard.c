#include "ibmshare/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <stdbool.h>
#include <string.h>

#include "ibmshare/xfrm.h"

/* Packets to the address going out, packets from it coming in; from or to anywhere here. */
static void select_packets(struct xfrm_selector *sel, uint8_t dir, struct in_addr ip)
{
	sel->family = AF_INET;
	if (dir == XFRM_POLICY_OUT) {
		sel->daddr.a4 = ip.s_addr;
		sel->prefixlen_d = 32;
	} else {
		sel->saddr.a4 = ip.s_addr;
		sel->prefixlen_s = 32;
	}
}

static int add_policy(uint8_t dir, struct in_addr ip)
{
	char buf[512] = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_userpolicy_info *info;

	nlh->nlmsg_type = XFRM_MSG_NEWPOLICY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	select_packets(&info->sel, dir, ip);
	info->lft.soft_byte_limit = info->lft.hard_byte_limit = XFRM_INF;
	info->lft.soft_packet_limit = info->lft.hard_packet_limit = XFRM_INF;
	info->priority = GUARD_PRIORITY;
	info->dir = dir;
	info->action = XFRM_POLICY_BLOCK;
	return xfrm_transact(nlh, NULL, NULL);
}

/* A request about the policy with our selector: TYPE is XFRM_MSG_GETPOLICY or XFRM_MSG_DELPOLICY. */
static int ask_policy(uint16_t type, uint16_t flags, uint8_t dir, struct in_addr ip, mnl_cb_t fn, void *arg)
{
	char buf[512] = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_userpolicy_id *id;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));
	select_packets(&id->sel, dir, ip);
	id->dir = dir;
	return xfrm_transact(nlh, fn, arg);
}

static int read_action(const struct nlmsghdr *nlh, void *arg)
{
	const struct xfrm_userpolicy_info *info = mnl_nlmsg_get_payload(nlh);
	bool *blocks = arg;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*info))
		*blocks = info->action == XFRM_POLICY_BLOCK;
	return MNL_CB_STOP;
}

/* Whether the policy that stands in the place of ours blocks too. */
static bool policy_blocks(uint8_t dir, struct in_addr ip)
{
	bool blocks = false;

	return ask_policy(XFRM_MSG_GETPOLICY, 0, dir, ip, read_action, &blocks) == 0 && blocks;
}

static const uint8_t directions[] = {XFRM_POLICY_OUT, XFRM_POLICY_IN};

static int parse_ip(const char *ip, struct in_addr *ret, struct error *err)
{
	if (inet_pton(AF_INET, ip, ret) == 1)
		return 0;
	return error_set(err, STATUS_INTERNAL, "'%.64s' is not an IPv4 address", ip);
}

int guard_install(const char *ip, struct error *err)
{
	struct in_addr addr;

	if (parse_ip(ip, &addr, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		if (add_policy(directions[i], addr) == 0)
			continue;
		if (errno == EEXIST) {
			if (policy_blocks(directions[i], addr))
				continue;
			error_set(err, STATUS_IPSEC,
				  "another program's XFRM policy for %s is in the guard's place", ip);
			return error_remedy(err, "see which with: ip xfrm policy");
		}
		error_errno(err, STATUS_IPSEC, errno, "cannot guard %s against traffic in the clear", ip);
		return error_remedy(err, "the kernel needs XFRM: modprobe xfrm_user");
	}
	return 0;
}

int guard_remove(const char *ip, struct error *err)
{
	struct in_addr addr;

	if (parse_ip(ip, &addr, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++)
		if (ask_policy(XFRM_MSG_DELPOLICY, NLM_F_ACK, directions[i], addr, NULL, NULL) < 0 &&
		    errno != ENOENT)
			return error_errno(err, STATUS_IPSEC, errno, "cannot remove the guard of %s", ip);
	return 0;
}
