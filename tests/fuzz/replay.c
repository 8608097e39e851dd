/*
 * Feeds files, or all files of directories, to a fuzz target: what was once
 * found stays found, with any compiler and in every run of the tests.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count;

static int replay_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rbe");
	/* Just as large as the input: a read behind its end is seen by the sanitizer. */
	uint8_t *data = malloc(size ? size : 1);
	int r = -1;

	if (f && data && fread(data, 1, size, f) == size) {
		r = LLVMFuzzerTestOneInput(data, size);
		count++;
	} else {
		perror(path);
	}
	if (f)
		fclose(f);
	free(data);
	return r;
}

static int replay(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n, r = 0;

	if (stat(path, &st) < 0) {
		perror(path);
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path, (size_t)st.st_size);
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char below[4096];

		snprintf(below, sizeof(below), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && replay(below) < 0)
			r = -1;
		free(names[i]);
	}
	free(names);
	return r;
}

int main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; i < argc; i++)
		if (replay(argv[i]) < 0)
			r = 1;
	printf("%u inputs\n", count);
	if (count == 0)
		fprintf(stderr, "%s: no input: give files or directories\n", argv[0]);
	return count == 0 ? 1 : r;
}
