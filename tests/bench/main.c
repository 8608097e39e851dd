/*
 * The helper as `make bench` runs it: the same code, told that the kernel has
 * no ESP, so that nothing is negotiated or proved. A stub for the benchmark on
 * such a host only; it is never installed.
 */
#include "ibmshare/env.h"

static struct env env_bench;

static void __attribute__((constructor)) init(void)
{
	env_bench = env_system;
	env_bench.kernel_lacks_esp = true;
}

#define env_system env_bench
#include "../../src/main.c"
