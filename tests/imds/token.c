#include "imds.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

/* Digests, so that no token lies around in memory or in a core; the oldest is forgotten first. */
enum { TOKENS_KEPT = 4096, DIGEST = 32 };

static struct {
	unsigned char digest[DIGEST];
	time_t ends;
} kept[TOKENS_KEPT];

static size_t next_slot;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static char *base64url(const void *data, size_t size)
{
	char *text = xcalloc(4 * (size / 3 + 1) + 1, 1);
	size_t length = (size_t)EVP_EncodeBlock((unsigned char *)text, data, (int)size);

	while (length > 0 && text[length - 1] == '=')
		text[--length] = '\0';
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '+')
			text[i] = '-';
		else if (text[i] == '/')
			text[i] = '_';
	}
	return text;
}

static void digest_of(const char *token, unsigned char digest[DIGEST])
{
	unsigned int size = DIGEST;

	if (EVP_Digest(token, strlen(token), digest, &size, EVP_sha256(), NULL) != 1)
		abort();
}

char *token_new(long lifetime)
{
	static const char header[] = "{\"alg\":\"RS256\",\"kid\":\"VSI_LAB\",\"typ\":\"JWT\"}";
	time_t now = time(NULL);
	char *nonce = random_hex(32);
	char *claims =
		xasprintf("{\"iss\":\"imds\",\"sub\":\"instance\",\"iat\":%lld,\"exp\":%lld,\"jti\":\"%s\"}",
			  (long long)now, (long long)now + lifetime, nonce);
	unsigned char noise[256];
	char *parts[3], *token;

	if (RAND_bytes(noise, sizeof(noise)) != 1)
		abort();
	parts[0] = base64url(header, strlen(header));
	parts[1] = base64url(claims, strlen(claims));
	parts[2] = base64url(noise, sizeof(noise));
	token = xasprintf("%s.%s.%s", parts[0], parts[1], parts[2]);
	for (size_t i = 0; i < 3; i++)
		free(parts[i]);
	free(claims);
	free(nonce);

	pthread_mutex_lock(&lock);
	digest_of(token, kept[next_slot].digest);
	kept[next_slot].ends = now + lifetime;
	next_slot = (next_slot + 1) % TOKENS_KEPT;
	pthread_mutex_unlock(&lock);
	return token;
}

enum token_state token_check(const char *token)
{
	unsigned char digest[DIGEST];
	enum token_state state = TOKEN_UNKNOWN;

	digest_of(token, digest);
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < TOKENS_KEPT && state == TOKEN_UNKNOWN; i++) {
		if (kept[i].ends != 0 && memcmp(kept[i].digest, digest, DIGEST) == 0)
			state = kept[i].ends > time(NULL) ? TOKEN_GOOD : TOKEN_EXPIRED;
	}
	pthread_mutex_unlock(&lock);
	return state;
}
