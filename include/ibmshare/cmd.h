/*
 * The verbs. Each gets the arguments after its own name, prints what the user
 * is to see, and returns the exit code.
 */
#ifndef IBMSHARE_CMD_H
#define IBMSHARE_CMD_H

#include "env.h"

int cmd_mount(const struct env *env, int argc, char **argv);
int cmd_renew(const struct env *env, int argc, char **argv);
int cmd_setup(const struct env *env, int argc, char **argv);

#endif
