#include "ibmshare/proc.h"

#include "ibmshare/env.h"

#include <errno.h>
#include <fcntl.h>
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

/* What the child reports when it cannot become the program. */
struct report {
	int error;
	bool namespace; /* it was the mount namespace, not the program */
};

static void child(const struct proc *proc, int out_fd, int report_fd)
{
	struct report report = {0};
	sigset_t none;

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

		report.namespace = ns < 0 || setns(ns, CLONE_NEWNS) < 0;
		if (report.namespace)
			goto fail;
	}
	execve(proc->argv[0], (char *const *)(uintptr_t)proc->argv,
	       (char *const *)(uintptr_t)clean_environment);
fail:
	report.error = errno;
	if (write(report_fd, &report, sizeof(report)) < 0)
		_exit(126);
	_exit(127);
}

/* Takes what there is to read now; true at end of file. */
static bool take_output(const struct proc *proc, int fd, size_t *len)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		bool full = *len + 1 >= proc->output_size;
		char scrap[512];
		ssize_t n;

		if (poll(&p, 1, 0) <= 0)
			return false;
		n = full ? read(fd, scrap, sizeof(scrap))
			 : read(fd, proc->output + *len, proc->output_size - 1 - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		if (!full) {
			*len += (size_t)n;
			proc->output[*len] = '\0';
		}
	}
}

/*
 * Waits for the child, and takes its output meanwhile; ends it at the deadline
 * (0: none). A grandchild that keeps the output open is not waited for.
 */
static int reap(const struct proc *proc, pid_t pid, int out_fd, int64_t deadline, int *ret_status)
{
	const struct timespec pause = {.tv_nsec = 5L * 1000 * 1000};
	bool polling = deadline || out_fd >= 0, end_of_output = out_fd < 0;
	size_t len = 0;

	for (;;) {
		pid_t done;

		if (!end_of_output)
			end_of_output = take_output(proc, out_fd, &len);
		done = waitpid(pid, ret_status, polling ? WNOHANG : 0);
		if (done < 0 && errno != EINTR)
			return -1;
		if (done == pid) {
			if (!end_of_output)
				take_output(proc, out_fd, &len);
			return 0;
		}
		if (deadline && env_monotonic_ms() >= deadline) {
			kill(pid, SIGKILL);
			while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
				;
			errno = ETIMEDOUT;
			return -1;
		}
		if (polling)
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
	int pipe_fds[2], out[2] = {-1, -1}, status = 0;
	struct report report = {0};
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_errno(err, STATUS_OTHER, errno, "cannot start %s", proc->argv[0]);
	report_read = pipe_fds[0];
	if (proc->output) {
		proc->output[0] = '\0';
		if (pipe2(out, O_CLOEXEC) < 0) {
			close(pipe_fds[1]);
			return error_errno(err, STATUS_OTHER, errno, "cannot start %s", proc->argv[0]);
		}
		out_read = out[0];
	}
	pid = fork();
	if (pid == 0)
		child(proc, out[1], pipe_fds[1]);
	close(pipe_fds[1]);
	if (out[1] >= 0)
		close(out[1]);
	if (pid < 0)
		return error_errno(err, STATUS_OTHER, errno, "cannot start %s", proc->argv[0]);
	/* Closed by a successful execve(2), or holds why there was none. */
	while (read(report_read, &report, sizeof(report)) < 0 && errno == EINTR)
		;
	if (reap(proc, pid, out_read, deadline, &status) < 0) {
		int saved = errno;

		error_set(err, STATUS_OTHER, "%s did not end within %d s", proc->argv[0],
			  proc->timeout_ms / 1000);
		errno = saved;
		return -1;
	}
	if (report.namespace) {
		error_errno(err, STATUS_OTHER, report.error, "cannot enter the mount namespace %s",
			    proc->mount_ns);
		errno = EPERM;
		return -1;
	}
	if (report.error) {
		error_errno(err, STATUS_OTHER, report.error, "cannot start %s", proc->argv[0]);
		errno = report.error;
		return -1;
	}
	return outcome(proc, status, ret_code, err);
}
