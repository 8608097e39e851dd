#include "ibmshare/xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/time.h>

enum {
	NETLINK_TIMEOUT_S = 5,
	BUFFER_SIZE = 32 * 1024,
	GCM_KEY_BITS = 256 + 32, /* RFC 4106: the key and its salt */
	GCM_TAG_BITS = 128,
};

static void socket_close_p(struct mnl_socket **nl)
{
	if (*nl)
		mnl_socket_close(*nl);
}

static struct mnl_socket *open_netlink(void)
{
	const struct timeval timeout = {.tv_sec = NETLINK_TIMEOUT_S};
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC);

	if (!nl)
		return NULL;
	if (setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(nl);
		return NULL;
	}
	return nl;
}

int xfrm_transact(struct nlmsghdr *request, int (*fn)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	_cleanup_(socket_close_p) struct mnl_socket *nl = open_netlink();
	char buf[BUFFER_SIZE];
	int more;

	request->nlmsg_seq = 1;
	if (!nl || mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		return -1;
	do {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0)
			return -1;
		more = mnl_cb_run(buf, (size_t)n, request->nlmsg_seq, mnl_socket_get_portid(nl), fn, arg);
	} while (more > 0);
	return more;
}

static bool strong(const struct xfrm_usersa_info *info, const struct nlattr *aead)
{
	const struct xfrm_algo_aead *algo;

	if (info->id.proto != IPPROTO_ESP || info->mode != XFRM_MODE_TRANSPORT || !aead ||
	    mnl_attr_get_payload_len(aead) < sizeof(*algo))
		return false;
	algo = mnl_attr_get_payload(aead);
	return strncmp(algo->alg_name, "rfc4106(gcm(aes))", sizeof(algo->alg_name)) == 0 &&
	       algo->alg_key_len == GCM_KEY_BITS && algo->alg_icv_len == GCM_TAG_BITS;
}

static int find_aead(const struct nlattr *attr, void *arg)
{
	const struct nlattr **aead = arg;

	if (mnl_attr_get_type(attr) == XFRMA_ALG_AEAD)
		*aead = attr;
	return MNL_CB_OK;
}

struct reading {
	struct in_addr ip;
	struct xfrm_sas *sas;
};

static int read_sa(const struct nlmsghdr *nlh, void *arg)
{
	const struct xfrm_usersa_info *info = mnl_nlmsg_get_payload(nlh);
	struct reading *reading = arg;
	struct xfrm_sas *sas = reading->sas;
	const struct nlattr *aead = NULL;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info) || info->family != AF_INET ||
	    info->id.daddr.a4 != reading->ip.s_addr || sas->count == XFRM_SA_MAX)
		return MNL_CB_OK;
	if (mnl_attr_parse(nlh, sizeof(*info), find_aead, &aead) < 0)
		return MNL_CB_ERROR;
	sas->sa[sas->count++] = (struct xfrm_sa){
		.spi = ntohl(info->id.spi),
		.bytes = info->curlft.bytes,
		.packets = info->curlft.packets,
		.strong = strong(info, aead),
	};
	return MNL_CB_OK;
}

int xfrm_sas_to(const char *ip, struct xfrm_sas *ret, struct error *err)
{
	struct reading reading = {.sas = ret};
	struct xfrm_address_filter filter = {.family = AF_INET, .splen = 0, .dplen = 32};
	char buf[512] = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	ret->count = 0;
	if (inet_pton(AF_INET, ip, &reading.ip) != 1)
		return error_set(err, STATUS_INTERNAL, "'%.64s' is not an IPv4 address", ip);
	memcpy(&filter.daddr, &reading.ip, sizeof(reading.ip));
	nlh->nlmsg_type = XFRM_MSG_GETSA;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	/* The kernel picks them out, so that 300 shares cost no more than one. */
	mnl_attr_put(nlh, XFRMA_ADDRESS_FILTER, sizeof(filter), &filter);
	if (xfrm_transact(nlh, read_sa, &reading) < 0)
		return error_errno(err, STATUS_IPSEC, errno,
				   "cannot read the kernel's security associations");
	return 0;
}

bool xfrm_carried(const struct xfrm_sas *before, const struct xfrm_sas *after)
{
	for (size_t i = 0; i < after->count; i++) {
		uint64_t had = 0;

		for (size_t j = 0; j < before->count; j++)
			if (before->sa[j].spi == after->sa[i].spi)
				had = before->sa[j].packets;
		if (after->sa[i].strong && after->sa[i].packets > had)
			return true;
	}
	return false;
}
