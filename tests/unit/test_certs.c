#include "pki.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

static struct certs_key *key;

static int group_setup(void **state)
{
	struct error err;

	(void)state;
	return certs_key_generate(PKI_BITS, &key, &err);
}

static int group_teardown(void **state)
{
	(void)state;
	certs_key_free(key);
	return 0;
}

static void key_survives_a_round_trip(void **state)
{
	struct certs_key *again = NULL;
	char *pem, *pem_again;
	size_t len, len_again;
	EVP_PKEY *pkey;
	struct error err;

	(void)state;
	assert_int_equal(certs_key_pem(key, &pem, &len, &err), 0);
	assert_int_equal(strlen(pem), len);
	assert_memory_equal(pem, "-----BEGIN PRIVATE KEY-----\n", 28); /* PKCS#8 */
	CHECK(certs_key_parse(pem, &again, &err) == 0, "%s", err.text);
	assert_int_equal(certs_key_pem(again, &pem_again, &len_again, &err), 0);
	assert_string_equal(pem_again, pem);
	pkey = pki_pkey(again);
	assert_int_equal(EVP_PKEY_base_id(pkey), EVP_PKEY_RSA);
	assert_int_equal(EVP_PKEY_bits(pkey), PKI_BITS);
	EVP_PKEY_free(pkey);
	free(pem);
	free(pem_again);
	certs_key_free(again);
}

static void keys_differ(void **state)
{
	struct certs_key *other;
	char *one, *two;
	struct error err;
	size_t len;

	(void)state;
	assert_int_equal(certs_key_generate(PKI_BITS, &other, &err), 0);
	certs_key_pem(key, &one, &len, &err);
	certs_key_pem(other, &two, &len, &err);
	assert_string_not_equal(one, two);
	free(one);
	free(two);
	certs_key_freep(&other);
	certs_key_free(NULL);
}

/* The form `openssl genrsa` of old wrote, and the Python tool's installs may have. */
static void traditional_key_is_read(void **state)
{
	EVP_PKEY *pkey = pki_pkey(key);
	BIO *bio = BIO_new(BIO_s_mem());
	struct certs_key *again;
	struct error err;
	char *pem;

	(void)state;
	assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	pem = pki_bio_text(bio);
	assert_memory_equal(pem, "-----BEGIN RSA PRIVATE KEY-----", 31);
	CHECK(certs_key_parse(pem, &again, &err) == 0, "%s", err.text);
	certs_key_free(again);
	EVP_PKEY_free(pkey);
	free(pem);
}

static void what_is_no_rsa_key_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"nonsense",
		"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nMIIE",
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	struct certs_key *ret = (struct certs_key *)UNTOUCHED;
	BIO *bio = BIO_new(BIO_s_mem());
	EVP_PKEY *ec = NULL;
	struct error err;
	char *pem;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		CHECK(certs_key_parse(texts[i], &ret, &err) == -1, "'%s' passed", texts[i]);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &ec), 1);
	assert_int_equal(PEM_write_bio_PrivateKey(bio, ec, NULL, NULL, 0, NULL, NULL), 1);
	pem = pki_bio_text(bio);
	assert_int_equal(certs_key_parse(pem, &ret, &err), -1);
	CHECK_HOLDS(err.text, "RSA", "elliptic curve");
	assert_ptr_equal(ret, UNTOUCHED);
	free(pem);
	EVP_PKEY_free(ec);
	EVP_PKEY_CTX_free(ctx);
}

/* With a terminal, since OpenSSL would ask there and nobody would answer at boot. */
static void encrypted_key_is_refused_without_asking(void **state)
{
	EVP_PKEY *pkey = pki_pkey(key);
	BIO *pkcs8 = BIO_new(BIO_s_mem()), *traditional = BIO_new(BIO_s_mem());
	char *texts[2], phrase[] = "phrase";
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int64_t start = env_monotonic_ms();
	int status = -1;
	pid_t pid;

	(void)state;
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(pkcs8, pkey, EVP_aes_128_cbc(), phrase, 6, NULL, NULL),
			 1);
	assert_int_equal(PEM_write_bio_PrivateKey_traditional(traditional, pkey, EVP_aes_128_cbc(),
							      (unsigned char *)phrase, 6, NULL, NULL),
			 1);
	texts[0] = pki_bio_text(pkcs8);
	texts[1] = pki_bio_text(traditional);
	EVP_PKEY_free(pkey);
	if (terminal < 0 || grantpt(terminal) < 0 || unlockpt(terminal) < 0) {
		print_message("no pseudo-terminals here\n");
		skip();
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct certs_key *ret;
		struct error err;
		int fd, bad = 0;

		setsid();
		fd = open(ptsname(terminal), O_RDWR);
		ioctl(fd, TIOCSCTTY, 0);
		dup2(fd, STDIN_FILENO);
		for (int i = 0; i < 2; i++)
			bad |= certs_key_parse(texts[i], &ret, &err) != -1;
		_exit(bad);
	}
	/* OpenSSL's prompt outlives other signals. */
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (env_monotonic_ms() - start > 5000)
			kill(pid, SIGKILL);
		usleep(2000);
	}
	close(terminal);
	free(texts[0]);
	free(texts[1]);
	CHECK(status == 0, "it asked, or did not refuse: wait status %#x", (unsigned)status);
}

static X509_REQ *parse_csr(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_REQ *req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(req);
	return req;
}

static void csr_has_the_five_attributes(void **state)
{
	static const int want[] = {NID_countryName, NID_stateOrProvinceName, NID_localityName,
				   NID_organizationName, NID_organizationalUnitName};
	X509_NAME *name;
	struct error err;
	X509_REQ *req;
	char *pem;

	(void)state;
	CHECK(certs_csr(key, &pem, &err) == 0, "%s", err.text);
	assert_memory_equal(pem, "-----BEGIN CERTIFICATE REQUEST-----\n", 36);
	req = parse_csr(pem);
	name = X509_REQ_get_subject_name(req);
	assert_int_equal(X509_NAME_entry_count(name), ARRAY_SIZE(want));
	for (int i = 0; i < (int)ARRAY_SIZE(want); i++) {
		X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);

		assert_int_equal(OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)), want[i]);
		assert_true(ASN1_STRING_length(X509_NAME_ENTRY_get_data(entry)) > 0);
	}
	X509_REQ_free(req);
	free(pem);
}

static void csr_has_no_extension_and_verifies(void **state)
{
	EVP_PKEY *pkey = pki_pkey(key);
	struct error err;
	X509_REQ *req;
	char *pem;

	(void)state;
	assert_int_equal(certs_csr(key, &pem, &err), 0);
	req = parse_csr(pem);
	assert_int_equal(X509_REQ_get_attr_count(req), 0);
	assert_int_equal(X509_REQ_get_version(req), 0); /* v1, RFC 2986 */
	assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	assert_int_equal(X509_REQ_get_signature_nid(req), NID_sha256WithRSAEncryption);
	assert_int_equal(X509_REQ_check_private_key(req, pkey), 1);
	X509_REQ_free(req);
	EVP_PKEY_free(pkey);
	free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_survives_a_round_trip),
		cmocka_unit_test(keys_differ),
		cmocka_unit_test(traditional_key_is_read),
		cmocka_unit_test(what_is_no_rsa_key_is_refused),
		cmocka_unit_test(encrypted_key_is_refused_without_asking),
		cmocka_unit_test(csr_has_the_five_attributes),
		cmocka_unit_test(csr_has_no_extension_and_verifies),
	};

	return cmocka_run_group_tests_name("certs", tests, group_setup, group_teardown);
}
