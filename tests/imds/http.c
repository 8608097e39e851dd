#include "imds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#if MHD_VERSION >= 0x00097002
typedef enum MHD_Result mhd_result;
#else
typedef int mhd_result;
#endif

enum {
	BODY_MAX = 64 * 1024,
	BLOCK = 32 * 1024,
	HUGE_SIZE = 100 * 1024 * 1024,
	HUGE_HEADER = 1024 * 1024,
	/* A connection's pool has to hold the headers of a reply, the huge one too; it is mapped on use. */
	POOL = HUGE_HEADER + 256 * 1024,
	BACKLOG = 512,
	CONNECTIONS = 512,
	IDLE_SECONDS = 150,
	SILENCE_MS = 120 * 1000,
	SECOND_MS = 1000,
};

struct exchange {
	struct request request;
	struct reply reply;
};

static int interrupt_fd = -1;

/* True when the program is about to end, or, with a socket, when its peer has gone. */
static bool wait_ms(int ms, int socket)
{
	struct pollfd fds[] = {{interrupt_fd, POLLIN, 0}, {socket, POLLRDHUP, 0}};
	int rc;

	do
		rc = poll(fds, socket >= 0 ? 2 : 1, ms);
	while (rc < 0 && errno == EINTR);
	return rc != 0;
}

/* Neither query nor unknown paths: a confused client may have put a secret there. */
static void log_request(const struct service *service, const struct request *request, unsigned int status)
{
	static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"};
	const char *method = "OTHER";
	char *path = xasprintf("%s/requests.log", service->dir);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	char *line;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i], request->method) == 0)
			method = methods[i];
	}
	line = xasprintf("%lld %s %s %u\n", (long long)time(NULL), method,
			 request->endpoint == ENDPOINT_OTHER ? "other" : request->path, status);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		complain("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(line);
	free(path);
}

static ssize_t read_drip(void *cls, uint64_t pos, char *buf, size_t max)
{
	const struct exchange *exchange = cls;

	(void)max;
	if (wait_ms(SECOND_MS, -1))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	*buf = exchange->reply.body[pos];
	return 1;
}

static ssize_t read_cutoff(void *cls, uint64_t pos, char *buf, size_t max)
{
	const struct exchange *exchange = cls;
	size_t left = exchange->reply.size / 2 - (size_t)pos;

	if (left == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (left > max)
		left = max;
	memcpy(buf, exchange->reply.body + pos, left);
	return (ssize_t)left;
}

/* A JSON object with one very long string, which a client without a limit would take to the end. */
static ssize_t read_huge(void *cls, uint64_t pos, char *buf, size_t max)
{
	static const char head[] = "{\"access_token\":\"", tail[] = "\"}";
	size_t left = HUGE_SIZE - (size_t)pos;

	(void)cls;
	if (left == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (left > max)
		left = max;
	memset(buf, 'A', left);
	for (size_t i = 0; i < left && pos + i < sizeof(head) - 1; i++)
		buf[i] = head[pos + i];
	for (size_t i = 0; i < sizeof(tail) - 1; i++) {
		uint64_t at = HUGE_SIZE - (sizeof(tail) - 1) + i;

		if (at >= pos && at < pos + left)
			buf[at - pos] = tail[i];
	}
	return (ssize_t)left;
}

static void add_huge_header(struct MHD_Response *response)
{
	char *value = xcalloc(HUGE_HEADER + 1, 1);

	memset(value, 'A', HUGE_HEADER);
	(void)MHD_add_response_header(response, "X-Padding", value);
	free(value);
}

/* The exchange outlives the response: MHD ends the request after it has sent the answer. */
static struct MHD_Response *make_response(struct exchange *exchange)
{
	struct reply *reply = &exchange->reply;
	struct MHD_Response *response;

	switch (reply->delivery) {
	case DELIVER_DRIP:
		response = MHD_create_response_from_callback(reply->size, BLOCK, read_drip, exchange, NULL);
		break;
	case DELIVER_CUTOFF:
		response = MHD_create_response_from_callback(reply->size, BLOCK, read_cutoff, exchange, NULL);
		break;
	case DELIVER_HUGE:
		response = MHD_create_response_from_callback(HUGE_SIZE, BLOCK, read_huge, exchange, NULL);
		break;
	case DELIVER_HUGE_CHUNKED:
		response =
			MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_huge, exchange, NULL);
		break;
	default:
		response = MHD_create_response_from_buffer(reply->size, reply->body, MHD_RESPMEM_PERSISTENT);
		break;
	}
	if (!response)
		return NULL;
	(void)MHD_add_response_header(response, "Content-Type", reply->type);
	if (reply->location)
		(void)MHD_add_response_header(response, "Location", reply->location);
	if (reply->allow)
		(void)MHD_add_response_header(response, "Allow", reply->allow);
	if (reply->delivery == DELIVER_HUGE_HEADER)
		add_huge_header(response);
	return response;
}

static mhd_result send_reply(struct MHD_Connection *connection, struct exchange *exchange)
{
	struct MHD_Response *response = make_response(exchange);
	mhd_result rc = MHD_NO;

	if (response) {
		rc = MHD_queue_response(connection, exchange->reply.status, response);
		MHD_destroy_response(response);
	}
	return rc;
}

static mhd_result answer(struct MHD_Connection *connection, const struct service *service,
			 struct exchange *exchange)
{
	struct request *request = &exchange->request;
	struct reply *reply = &exchange->reply;
	const union MHD_ConnectionInfo *info;

	request->version = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "version");
	request->redirected = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "redirected");
	request->flavor = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Metadata-Flavor");
	request->authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	service_answer(service, request, reply);
	if (reply->delivery == DELIVER_CLOSE || reply->delivery == DELIVER_SILENCE) {
		log_request(service, request, 0);
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		if (reply->delivery == DELIVER_SILENCE && info)
			(void)wait_ms(SILENCE_MS, info->connect_fd);
		return MHD_NO;
	}
	if (reply->delay && wait_ms((int)reply->delay * SECOND_MS, -1))
		return MHD_NO;
	log_request(service, request, reply->status);
	return send_reply(connection, exchange);
}

static void collect(struct request *request, const char *data, size_t size)
{
	if (request->too_big || request->size + size > BODY_MAX) {
		request->too_big = true;
		return;
	}
	request->body = realloc(request->body, request->size + size + 1);
	if (!request->body)
		abort();
	memcpy(request->body + request->size, data, size);
	request->size += size;
	request->body[request->size] = '\0';
}

static mhd_result on_request(void *cls, struct MHD_Connection *connection, const char *url,
			     const char *method, const char *version, const char *data, size_t *size,
			     void **state)
{
	struct exchange *exchange = *state;

	(void)version;
	if (!exchange) {
		exchange = xcalloc(1, sizeof(*exchange));
		exchange->request.method = method;
		exchange->request.path = url;
		service_locate(&exchange->request);
		*state = exchange;
		return MHD_YES;
	}
	if (*size > 0) {
		collect(&exchange->request, data, *size);
		*size = 0;
		return MHD_YES;
	}
	return answer(connection, cls, exchange);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;

	(void)cls;
	(void)connection;
	(void)code;
	if (!exchange)
		return;
	reply_free(&exchange->reply);
	free(exchange->request.body);
	free(exchange);
	*state = NULL;
}

static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 6 && text[digits] == '\0' && atoi(text) <= 65535;
}

static struct addrinfo *parse_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	size_t length = colon ? (size_t)(colon - text) : 0;
	char *host;

	/* getaddrinfo takes 99999 for a port and cuts it to 16 bits. */
	if (length == 0 || !is_port(colon + 1))
		return NULL;
	if (text[0] == '[' && text[length - 1] == ']')
		host = xasprintf("%.*s", (int)length - 2, text + 1);
	else
		host = xasprintf("%.*s", (int)length, text);
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		found = NULL;
	free(host);
	return found;
}

int http_bind(struct listener *listener)
{
	struct addrinfo *address = parse_address(listener->address);
	int one = 1, rc = 0;

	if (!address) {
		complain("'%s' is not ADDR:PORT with a numeric address", listener->address);
		return -1;
	}
	listener->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener->fd < 0 || setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(listener->fd, address->ai_addr, address->ai_addrlen) < 0 ||
	    listen(listener->fd, BACKLOG) < 0) {
		complain("cannot listen on %s: %s", listener->address, strerror(errno));
		rc = -2;
	}
	freeaddrinfo(address);
	return rc;
}

char *http_describe(const struct listener *listener)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";

	if (getsockname(listener->fd, (struct sockaddr *)&address, &size) == 0)
		(void)getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
				  NI_NUMERICHOST | NI_NUMERICSERV);
	return xasprintf(strchr(host, ':') ? "%s [%s]:%s" : "%s %s:%s", listener->tls ? "https" : "http",
			 host, port);
}

static char *read_text(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "re");
	char *text = xcalloc(BODY_MAX + 1, 1);

	if (!file || fread(text, 1, BODY_MAX, file) == 0)
		complain("%s: %s", path, strerror(errno));
	if (file)
		fclose(file);
	free(path);
	return text;
}

int http_start(struct listener *listener, const struct service *service)
{
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
			     (listener->tls ? MHD_USE_TLS : 0U);
	char *key = listener->tls ? read_text(service->dir, "web.key") : NULL;
	char *cert = listener->tls ? read_text(service->dir, "web.crt") : NULL;
	struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, key},
				       {MHD_OPTION_HTTPS_MEM_CERT, 0, cert},
				       {MHD_OPTION_END, 0, NULL}};

	if (interrupt_fd < 0)
		interrupt_fd = eventfd(0, EFD_CLOEXEC);
	listener->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, (void *)(uintptr_t)service, MHD_OPTION_LISTEN_SOCKET,
		listener->fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,
		MHD_OPTION_ARRAY, listener->tls ? tls : &tls[2], MHD_OPTION_END);
	free(key);
	free(cert);
	if (!listener->daemon) {
		complain("cannot serve on %s", listener->address);
		return -1;
	}
	return 0;
}

void http_interrupt(void)
{
	uint64_t one = 1;

	if (interrupt_fd >= 0 && write(interrupt_fd, &one, sizeof(one)) < 0)
		complain("cannot wake the connections: %s", strerror(errno));
}

void http_stop(struct listener *listener)
{
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	else if (listener->fd >= 0)
		close(listener->fd);
}
