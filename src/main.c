#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ibmshare/cmd.h"

static const char help[] =
	"mount.ibmshare mounts IBM Cloud VPC file shares, encrypted with IPsec.\n"
	"\n"
	"  mount -t ibmshare -o secure=true HOST:/PATH DIR   mount a share, encrypted\n"
	"  mount -t ibmshare HOST:/PATH DIR                  mount a share, not encrypted\n"
	"  mount.ibmshare --renew [--force] [-v]             renew the certificate when it is due\n"
	"  mount.ibmshare --setup DIR [-v]                   install the root CAs in DIR, make the private "
	"key\n"
	"  mount.ibmshare --version | --help\n"
	"\n"
	"Mount options: secure=true|false, ipsec (the same as secure=true); every other one goes\n"
	"to mount.nfs4(8), after sec=sys when no sec= is given. Flags: -f -n -s -v as in mount(8).\n"
	"\n"
	"Exit codes: 0 ok; 1 metadata service unreachable; 2 token refused; 3 no certificate; 4 IPsec;\n"
	"5 setup; 6 usage, configuration and anything else; 7 not root; 50 internal error;\n"
	"100+N mount.nfs4 ended with N. Log: /opt/ibm/mount-ibmshare/mount-ibmshare.log and syslog.\n";

static int print_help(const struct env *env, int argc, char **argv)
{
	(void)env;
	(void)argc;
	(void)argv;
	return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? STATUS_OTHER : STATUS_OK;
}

static int print_version(const struct env *env, int argc, char **argv)
{
	(void)env;
	(void)argc;
	(void)argv;
	return puts("mount.ibmshare " IBMSHARE_VERSION) < 0 || fflush(stdout) != 0 ? STATUS_OTHER : STATUS_OK;
}

static const struct verb {
	const char *name;
	int (*run)(const struct env *env, int argc, char **argv);
} verbs[] = {
	{"--renew", cmd_renew},	      {"-RENEW_CERTIFICATE_NOW", cmd_renew},
	{"--setup", cmd_setup},	      {"-INSTALL_ROOT_CERT", cmd_setup},
	{"--version", print_version}, {"--help", print_help},
	{"-h", print_help},
};

int main(int argc, char **argv)
{
	const struct rlimit no_core = {0, 0};

	/* Libraries read variables (proxies, SSLKEYLOGFILE, …) that must not steer a program of root's. */
	clearenv();
	/* A core would hold the key. */
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(&env_system, argc - 1, argv + 1);
	return cmd_mount(&env_system, argc, argv);
}
