#include "ibmshare/proc.h"

#include "ibmshare/env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static const char *const clean_environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", NULL};

static void child(const struct proc *proc, int out_fd, int report_fd)
{
	sigset_t none;
	int saved;

	/* What we ignore or block, execve(2) would pass on. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	umask(022);
	if (out_fd >= 0 && (dup2(out_fd, STDOUT_FILENO) < 0 || dup2(out_fd, STDERR_FILENO) < 0))
		goto fail;
	if (proc->keep_fd > 0 && fcntl(proc->keep_fd, F_SETFD, 0) < 0)
		goto fail;
	if (proc->mount_ns) {
		int ns = open(proc->mount_ns, O_RDONLY | O_CLOEXEC);

		if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
			goto fail;
	}
	execve(proc->argv[0], (char *const *)(uintptr_t)proc->argv,
	       (char *const *)(uintptr_t)clean_environment);
fail:
	saved = errno;
	if (write(report_fd, &saved, sizeof(saved)) < 0)
		_exit(126);
	_exit(127);
}

/* Reads until end of file or the deadline. */
static void drain(const struct proc *proc, int fd, int64_t deadline)
{
	size_t len = 0;
	char scrap[512];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - env_monotonic_ms();
		bool full = len + 1 >= proc->output_size;
		ssize_t n;

		if (left <= 0 || poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left) <= 0)
			return;
		n = full ? read(fd, scrap, sizeof(scrap))
			 : read(fd, proc->output + len, proc->output_size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		if (!full) {
			len += (size_t)n;
			proc->output[len] = '\0';
		}
	}
}

/* Waits for the child; ends it at the deadline (0: none). */
static int reap(pid_t pid, int64_t deadline, int *ret_status)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

	for (;;) {
		pid_t done = waitpid(pid, ret_status, deadline ? WNOHANG : 0);

		if (done == pid)
			return 0;
		if (done < 0 && errno != EINTR)
			return -1;
		if (deadline && env_monotonic_ms() >= deadline) {
			kill(pid, SIGKILL);
			while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
				;
			errno = ETIMEDOUT;
			return -1;
		}
		if (deadline)
			nanosleep(&pause, NULL);
	}
}

static int outcome(const struct proc *proc, int status, int *ret_code, struct error *err)
{
	if (WIFSIGNALED(status)) {
		errno = EINTR;
		return error_set(err, STATUS_OTHER, "%s was ended by signal %d (%s)", proc->argv[0],
				 WTERMSIG(status), strsignal(WTERMSIG(status)));
	}
	*ret_code = WEXITSTATUS(status);
	return 0;
}

int proc_run(const struct proc *proc, int *ret_code, struct error *err)
{
	_cleanup_close_ int report_read = -1, out_read = -1;
	int64_t deadline = proc->timeout_ms ? env_monotonic_ms() + proc->timeout_ms : 0;
	int report[2], out[2] = {-1, -1}, exec_errno = 0, status = 0;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return error_errno(err, STATUS_OTHER, errno, "cannot start %s", proc->argv[0]);
	report_read = report[0];
	if (proc->output) {
		proc->output[0] = '\0';
		if (pipe2(out, O_CLOEXEC) < 0) {
			close(report[1]);
			return error_errno(err, STATUS_OTHER, errno, "cannot start %s", proc->argv[0]);
		}
		out_read = out[0];
	}
	pid = fork();
	if (pid == 0)
		child(proc, out[1], report[1]);
	close(report[1]);
	if (out[1] >= 0)
		close(out[1]);
	if (pid < 0)
		return error_errno(err, STATUS_OTHER, errno, "cannot start %s", proc->argv[0]);
	/* Closed by a successful execve(2), or holds its errno. */
	while (read(report_read, &exec_errno, sizeof(exec_errno)) < 0 && errno == EINTR)
		;
	if (proc->output && !exec_errno)
		drain(proc, out_read, deadline ? deadline : INT64_MAX);
	if (reap(pid, deadline, &status) < 0) {
		int saved = errno;

		error_set(err, STATUS_OTHER, "%s did not end within %d s", proc->argv[0],
			  proc->timeout_ms / 1000);
		errno = saved;
		return -1;
	}
	if (exec_errno) {
		error_errno(err, STATUS_OTHER, exec_errno, "cannot start %s", proc->argv[0]);
		errno = exec_errno;
		return -1;
	}
	return outcome(proc, status, ret_code, err);
}
