/*
 * The connection to a share address, as pure text: IKE and ESP parameters in
 * the form of swanctl.conf(5) and in that of vici. Both come from one table.
 */
#ifndef IBMSHARE_CONN_H
#define IBMSHARE_CONN_H

#include "vici.h"

/* "ibmshare-ipsec-to-10-240-0-5" */
void conn_name(const char *ip, char buf[64]);
/* The text of conf.d/type_ibmshare_IP.conf. The caller frees it. */
char *conn_render_swanctl(const char *ip, const char *leaf_path);
/* The same connection as the arguments of load-conn. */
void conn_render_vici(const char *ip, const char *leaf_pem, struct vici_message *msg);

#endif
