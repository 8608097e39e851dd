/*
 * Runs programs in turn and prints what each one cost: the variants that are
 * compared alternate within one loop, so that whatever else the machine does
 * meets all of them.
 *
 *   timer [-w] RUNS NAME BEFORE COMMAND [NAME BEFORE COMMAND]...
 *
 * BEFORE is run ahead of every COMMAND and not timed; it may be empty. Both are
 * split at blanks and not seen by a shell. -w adds a first round that is not
 * counted. A line of output a variant: the name, the number of runs, lower
 * quartile, median, upper quartile (microseconds), peak memory (KiB; of the
 * largest process, where the command starts others).
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	WORDS_MAX = 32,
	RUNS_MAX = 10000,
};

struct variant {
	const char *name;
	char *before[WORDS_MAX + 1];
	char *command[WORDS_MAX + 1];
	long *micros;
	long max_rss;
};

static posix_spawn_file_actions_t quiet;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	fputs("timer: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static void split(char *text, char *words[WORDS_MAX + 1])
{
	int n = 0;

	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		if (n == WORDS_MAX)
			die("more than %d words", WORDS_MAX);
		words[n++] = word;
	}
	words[n] = NULL;
}

static long since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000;
}

/* What fails costs nothing, so its time would be a lie: nothing goes on after a failure. */
static long run(char *const words[], long *ret_max_rss)
{
	struct timespec start;
	struct rusage usage;
	int status, r;
	long micros;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &start);
	r = posix_spawnp(&pid, words[0], &quiet, NULL, words, environ);
	if (r != 0)
		die("%s: %s", words[0], strerror(r));
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			die("wait4: %s", strerror(errno));
	micros = since(&start);
	if (WIFSIGNALED(status))
		die("%s %s: ended by signal %d", words[0], words[1] ? words[1] : "", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		die("%s %s: exit code %d", words[0], words[1] ? words[1] : "", WEXITSTATUS(status));
	*ret_max_rss = usage.ru_maxrss;
	return micros;
}

static int by_value(const void *a, const void *b)
{
	long left = *(const long *)a, right = *(const long *)b;

	return (left > right) - (left < right);
}

/* Between two values where the position falls between them. */
static long quantile(const long *sorted, int count, int quarter)
{
	int scaled = (count - 1) * quarter, low = scaled / 4, rest = scaled % 4;
	long value = sorted[low];

	if (rest)
		value += (sorted[low + 1] - sorted[low]) * rest / 4;
	return value;
}

static void report(struct variant *variant, int runs)
{
	qsort(variant->micros, (size_t)runs, sizeof(*variant->micros), by_value);
	printf("%s %d %ld %ld %ld %ld\n", variant->name, runs, quantile(variant->micros, runs, 1),
	       quantile(variant->micros, runs, 2), quantile(variant->micros, runs, 3), variant->max_rss);
}

/* Every round begins with another variant: none profits from what the one before it left in the caches. */
static void measure(struct variant *variants, int count, int runs, int warm_up)
{
	for (int round = -warm_up; round < runs; round++) {
		for (int i = 0; i < count; i++) {
			struct variant *variant = &variants[(round + warm_up + i) % count];
			long micros, max_rss;

			if (variant->before[0])
				run(variant->before, &max_rss);
			micros = run(variant->command, &max_rss);
			if (round < 0)
				continue;
			variant->micros[round] = micros;
			if (max_rss > variant->max_rss)
				variant->max_rss = max_rss;
		}
	}
}

int main(int argc, char **argv)
{
	int warm_up = argc > 1 && strcmp(argv[1], "-w") == 0;
	int count, runs;
	struct variant *variants;

	argc -= 1 + warm_up;
	argv += 1 + warm_up;
	runs = argc > 0 ? atoi(argv[0]) : 0;
	if (runs < 1 || runs > RUNS_MAX || argc < 4 || (argc - 1) % 3 != 0)
		die("usage: timer [-w] RUNS NAME BEFORE COMMAND [NAME BEFORE COMMAND]...");
	count = (argc - 1) / 3;
	variants = calloc((size_t)count, sizeof(*variants));
	if (!variants || posix_spawn_file_actions_init(&quiet) != 0 ||
	    posix_spawn_file_actions_addopen(&quiet, STDIN_FILENO, "/dev/null", O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) != 0)
		die("out of memory");
	for (int i = 0; i < count; i++) {
		char **args = argv + 1 + 3 * i;

		variants[i].name = args[0];
		split(args[1], variants[i].before);
		split(args[2], variants[i].command);
		variants[i].micros = calloc((size_t)runs, sizeof(long));
		if (!variants[i].micros || !variants[i].command[0])
			die("nothing to run for %s", args[0]);
	}
	measure(variants, count, runs, warm_up);
	for (int i = 0; i < count; i++) {
		report(&variants[i], runs);
		free(variants[i].micros);
	}
	free(variants);
	posix_spawn_file_actions_destroy(&quiet);
	return fflush(stdout) != 0;
}
