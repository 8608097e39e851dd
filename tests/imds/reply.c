#include "imds.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

void reply_text(struct reply *reply, unsigned int status, const char *type, const char *text)
{
	reply_free(reply);
	reply->status = status;
	reply->type = type;
	reply->body = xasprintf("%s", text);
	reply->size = strlen(text);
}

void reply_json(struct reply *reply, unsigned int status, struct json_object *object)
{
	reply_text(reply, status, "application/json",
		   json_object_to_json_string_ext(object,
						  JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* The real service leaves status_code out of some errors, so clients must not count on it. */
static bool tells_status(unsigned int status)
{
	return status != 401 && status != 404;
}

void reply_error(struct reply *reply, const struct error *error)
{
	struct json_object *body = json_object_new_object();
	struct json_object *errors = json_object_new_array();
	struct json_object *entry = json_object_new_object();
	struct json_object *target;
	char *trace = error->trace ? NULL : random_hex(16);

	json_object_object_add(entry, "code", json_object_new_string(error->code));
	json_object_object_add(entry, "message", json_object_new_string(error->message));
	json_object_object_add(entry, "more_info",
			       json_object_new_string("https://cloud.ibm.com/apidocs/vpc-metadata"));
	if (error->target) {
		target = json_object_new_object();
		json_object_object_add(target, "name", json_object_new_string(error->target));
		json_object_object_add(target, "type", json_object_new_string(error->target_type));
		json_object_object_add(entry, "target", target);
	}
	json_object_array_add(errors, entry);
	json_object_object_add(body, "errors", errors);
	json_object_object_add(body, "trace", json_object_new_string(trace ? trace : error->trace));
	if (tells_status(error->status))
		json_object_object_add(body, "status_code", json_object_new_int((int)error->status));
	reply_json(reply, error->status, body);
	free(trace);
}

static void add_time(struct json_object *object, const char *name, time_t when, bool fraction)
{
	struct timespec now;
	struct tm utc;
	char text[64];
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&when, &utc);
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	if (fraction)
		snprintf(text + used, sizeof(text) - used, ".%03ldZ", now.tv_nsec / 1000000);
	else
		snprintf(text + used, sizeof(text) - used, "Z");
	json_object_object_add(object, name, json_object_new_string(text));
}

void reply_add_times(struct json_object *object, time_t from, long lifetime)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static unsigned int calls;
	bool fraction;

	/* By twos: a mount makes two calls, and every second one would show each call only one form. */
	pthread_mutex_lock(&lock);
	fraction = (calls++ & 2) != 0;
	pthread_mutex_unlock(&lock);
	add_time(object, "created_at", from, fraction);
	add_time(object, "expires_at", from + lifetime, fraction);
	json_object_object_add(object, "expires_in", json_object_new_int64(lifetime));
}

void reply_free(struct reply *reply)
{
	free(reply->body);
	free(reply->location);
	*reply = (struct reply){0};
}
