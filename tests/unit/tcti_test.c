/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCTI as tpm2-tss uses it: the built library is loaded, its Tss2_Tcti_Info asked, and all else
 * done through the table of the context (TCG TSS 2.0 TCTI specification). The TPM is a fake one.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tss2/tss2_tcti.h>

#include "tests/suite.h"
#include "tests/unit/fake_tpm.h"

static struct fake_tpm fake;
static TSS2_TCTI_INFO_FUNC get_info;
static TSS2_TCTI_CONTEXT *tcti;
static uint8_t command[5000];
static uint8_t response[4096];
static size_t size;

/* --- loading and opening --------------------------------------------------------------------- */

static void *load(const char *name)
{
	const char *build = getenv("PLUTON_BUILD");
	char path[512];

	snprintf(path, sizeof(path), "%s/.libs/%s", build ? build : ".", name);
	return dlopen(path, RTLD_NOW | RTLD_GLOBAL);
}

/* As the loader of tpm2-tss does it; libpluton first, which is not installed. */
static void load_tcti(void)
{
	void *library;

	CU_ASSERT_PTR_NOT_NULL_FATAL(load("libpluton.so.0"));
	library = load("libtss2-tcti-pluton.so.0");
	CU_ASSERT_PTR_NOT_NULL_FATAL(library);
	*(void **)&get_info = dlsym(library, TSS2_TCTI_INFO_SYMBOL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(*(void **)&get_info);
}

static TSS2_RC initialize(const char *conf, TSS2_TCTI_CONTEXT **ret)
{
	TSS2_TCTI_INIT_FUNC init = get_info()->init;
	size_t needed = 0;
	TSS2_RC code;

	CU_ASSERT_EQUAL_FATAL(init(NULL, &needed, conf), TSS2_RC_SUCCESS);
	*ret = calloc(1, needed);
	CU_ASSERT_PTR_NOT_NULL_FATAL(*ret);
	code = init(*ret, &needed, conf);
	if (code == TSS2_RC_SUCCESS)
		return code;
	free(*ret);
	*ret = NULL;
	return code;
}

static void begin(void)
{
	char conf[160];

	load_tcti();
	fake_tpm_begin(&fake);
	snprintf(conf, sizeof(conf), "address=%s", fake.address);
	CU_ASSERT_EQUAL_FATAL(initialize(conf, &tcti), TSS2_RC_SUCCESS);
}

static void end(void)
{
	Tss2_Tcti_Finalize(tcti);
	free(tcti);
	tcti = NULL;
	fake_tpm_end(&fake);
}

static TSS2_RC transmit(uint32_t wanted)
{
	fake_tpm_command(command, 14, wanted);
	return Tss2_Tcti_Transmit(tcti, 14, command);
}

static TSS2_RC receive(int32_t timeout)
{
	size = sizeof(response);
	return Tss2_Tcti_Receive(tcti, &size, response, timeout);
}

static void check_ran(unsigned count)
{
	CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(size, FAKE_TPM_RESPONSE_MIN);
	CU_ASSERT_EQUAL(fake_tpm_count(response), count);
}

/* What the library writes to standard output or error while `function` runs. */
static void capture(int fd, void (*function)(void), char *text, size_t text_size)
{
	int kept, file = memfd_create("captured", MFD_CLOEXEC);
	ssize_t n;

	fflush(NULL);
	kept = dup(fd);
	CU_ASSERT_FATAL(kept >= 0 && file >= 0);
	dup2(file, fd);
	function();
	fflush(NULL);
	dup2(kept, fd);
	close(kept);
	n = pread(file, text, text_size - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(file);
}

static TSS2_RC code_of_receive;

static void receive_blocking(void)
{
	code_of_receive = receive(TSS2_TCTI_TIMEOUT_BLOCK);
}

/* --- the beginning --------------------------------------------------------------------------- */

static void test_the_library_says_what_it_is(void)
{
	const TSS2_TCTI_INFO *info;

	load_tcti();
	info = get_info();
	CU_ASSERT_EQUAL(info->version, 2);
	CU_ASSERT_STRING_EQUAL(info->name, "tcti-pluton");
	CU_ASSERT_PTR_NOT_NULL(strstr(info->config_help, "address=unix:PATH"));
	CU_ASSERT_PTR_NOT_NULL(strstr(info->config_help, "instance=NAME"));
	CU_ASSERT(strlen(info->description) > 0);
}

static void test_init_says_the_size_first_and_refuses_less(void)
{
	TSS2_TCTI_INIT_FUNC init;
	uint64_t room[64] = {0};
	size_t needed = 0, less;

	load_tcti();
	init = get_info()->init;
	CU_ASSERT_EQUAL(init(NULL, NULL, NULL), TSS2_TCTI_RC_BAD_VALUE);
	CU_ASSERT_EQUAL(init(NULL, &needed, "nonsense"), TSS2_RC_SUCCESS);
	CU_ASSERT_FATAL(needed >= sizeof(TSS2_TCTI_CONTEXT_COMMON_V2) && needed <= sizeof(room));
	less = needed - 1;
	CU_ASSERT_EQUAL(init((TSS2_TCTI_CONTEXT *)room, &less, NULL),
			TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
}

static void test_the_table_has_every_function(void)
{
	TSS2_TCTI_CONTEXT_COMMON_V2 *table;

	begin();
	table = (TSS2_TCTI_CONTEXT_COMMON_V2 *)tcti;
	CU_ASSERT_EQUAL(table->v1.version, 2);
	CU_ASSERT(table->v1.magic != 0);
	CU_ASSERT(table->v1.transmit && table->v1.receive && table->v1.finalize);
	CU_ASSERT(table->v1.cancel && table->v1.getPollHandles && table->v1.setLocality);
	CU_ASSERT(table->makeSticky != NULL);
	end();
}

static void test_every_form_of_the_configuration_reaches_the_tpm(void)
{
	static const char *const forms[] = {"address=%s", "address=%s,instance=tpm0",
					    "instance=tpm0,address=%s"};
	TSS2_TCTI_CONTEXT *context;
	char conf[200];

	begin();
	for (size_t i = 0; i < TESTS_COUNT(forms); i++) {
		char *address;

		snprintf(conf, sizeof(conf), "%s", forms[i]);
		address = strstr(conf, "%s");
		memmove(address + strlen(fake.address), address + 2, strlen(address + 2) + 1);
		memcpy(address, fake.address, strlen(fake.address));
		CU_ASSERT_EQUAL(initialize(conf, &context), TSS2_RC_SUCCESS);
		Tss2_Tcti_Finalize(context);
		free(context);
	}
	setenv("PLUTON_ADDRESS", fake.address, 1);
	for (size_t i = 0; i < 3; i++) {
		static const char *const rest[] = {NULL, "", "instance=tpm0"};

		CU_ASSERT_EQUAL(initialize(rest[i], &context), TSS2_RC_SUCCESS);
		Tss2_Tcti_Finalize(context);
		free(context);
	}
	unsetenv("PLUTON_ADDRESS");
	end();
}

static const char *conf_to_try;
static TSS2_RC code_of_try;

static void try_conf(void)
{
	TSS2_TCTI_CONTEXT *context;

	code_of_try = initialize(conf_to_try, &context);
}

static void test_a_wrong_configuration_is_refused_with_a_sentence(void)
{
	static char long_conf[300];
	static const struct {
		const char *conf;
		const char *words;
	} cases[] = {
		{"address", "no value"},
		{"address=", "no value"},
		{"instance=", "no value"},
		{"adress=unix:/x", "\"adress\" is no key"},
		{"/run/x", "write address=unix:PATH"},
		{",", "is no key"},
		{"instance=a,", "is no key"},
		{"instance=a,instance=b", "instance is there twice"},
		{"address=tcp:localhost", "not an address: \"tcp:localhost\""},
		{"instance=a12345678901234567890123456789bc", "1 to 31 bytes, not 32"},
		{long_conf, "of 299 bytes"},
	};
	char text[512];

	load_tcti();
	memset(long_conf, 'x', sizeof(long_conf) - 1);
	unsetenv("TSS2_LOG");
	for (size_t i = 0; i < TESTS_COUNT(cases); i++) {
		conf_to_try = cases[i].conf;
		capture(STDERR_FILENO, try_conf, text, sizeof(text));
		CU_ASSERT_EQUAL(code_of_try, TSS2_TCTI_RC_BAD_VALUE);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, cases[i].words));
		CU_ASSERT_PTR_EQUAL(strstr(text, "ERROR:tcti:pluton: "), text);
	}
}

static void test_a_tpm_that_is_not_there_is_explained_unless_the_log_is_off(void)
{
	static const struct {
		const char *setting;
		bool quiet;
	} cases[] = {{"all+none", true},
		     {"tcti+none", true},
		     {"ALL+NONE", true},
		     {"esys+debug,tcti+NONE", true},
		     {"all+none,tcti+error", false},
		     {"esys+none", false},
		     {"all+trace", false},
		     {"", false},
		     {"noise", false}};
	char text[512];

	load_tcti();
	conf_to_try = "address=unix:/nowhere/socket";
	for (size_t i = 0; i < TESTS_COUNT(cases); i++) {
		setenv("TSS2_LOG", cases[i].setting, 1);
		capture(STDERR_FILENO, try_conf, text, sizeof(text));
		CU_ASSERT_EQUAL(code_of_try, TSS2_TCTI_RC_NO_CONNECTION);
		CU_ASSERT_EQUAL(text[0] == '\0', cases[i].quiet);
	}
	unsetenv("TSS2_LOG");
	capture(STDERR_FILENO, try_conf, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "ERROR:tcti:pluton: nobody listens at unix:/nowhere/socket\n");
}

/* One line was added to the file `name`. */
static void check_logged(const char *name)
{
	char line[512] = "";
	FILE *file = fopen(name, "re");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), file));
	CU_ASSERT_STRING_EQUAL(line, "before\n");
	CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), file));
	CU_ASSERT_STRING_EQUAL(line, "ERROR:tcti:pluton: nobody listens at unix:/nowhere/socket\n");
	CU_ASSERT_PTR_NULL(fgets(line, sizeof(line), file));
	fclose(file);
}

static void test_the_log_goes_where_tpm2_tss_writes_its_own(void)
{
	static const char *const standard[] = {"", "stderr", "StdErr", "/nowhere/log"};
	static const char *const output[] = {"-", "stdout", "STDOUT"};
	char text[512], name[] = "/tmp/pluton-tcti-log-XXXXXX";
	int fd = mkstemp(name);

	load_tcti();
	CU_ASSERT_EQUAL(write(fd, "before\n", 7), 7);
	close(fd);
	conf_to_try = "address=unix:/nowhere/socket";
	setenv("TSS2_LOGFILE", name, 1);
	capture(STDERR_FILENO, try_conf, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "");
	check_logged(name);
	unlink(name);
	for (size_t i = 0; i < TESTS_COUNT(standard); i++) {
		setenv("TSS2_LOGFILE", standard[i], 1);
		capture(STDERR_FILENO, try_conf, text, sizeof(text));
		CU_ASSERT_PTR_EQUAL(strstr(text, "ERROR:tcti:pluton: "), text);
	}
	for (size_t i = 0; i < TESTS_COUNT(output); i++) {
		setenv("TSS2_LOGFILE", output[i], 1);
		capture(STDOUT_FILENO, try_conf, text, sizeof(text));
		CU_ASSERT_PTR_EQUAL(strstr(text, "ERROR:tcti:pluton: "), text);
	}
	unsetenv("TSS2_LOGFILE");
}

static void test_what_plutond_says_about_the_app_becomes_a_code(void)
{
	static const struct {
		enum fake_broker how;
		TSS2_RC code;
	} cases[] = {
		{BROKER_NO_DEVICE, TSS2_TCTI_RC_IO_ERROR},
		{BROKER_FAILS, TSS2_TCTI_RC_IO_ERROR},
		{BROKER_GIVES_FULL, TSS2_TCTI_RC_IO_ERROR},
		{BROKER_HANGS_UP, TSS2_TCTI_RC_NO_CONNECTION},
		{BROKER_NOISE, TSS2_TCTI_RC_MALFORMED_RESPONSE},
	};
	char conf[160], text[512];

	begin();
	snprintf(conf, sizeof(conf), "address=%s", fake.address);
	conf_to_try = conf;
	for (size_t i = 0; i < TESTS_COUNT(cases); i++) {
		fake_tpm_broker(&fake, cases[i].how, 0);
		capture(STDERR_FILENO, try_conf, text, sizeof(text));
		CU_ASSERT_EQUAL(code_of_try, cases[i].code);
		CU_ASSERT(strlen(text) > strlen("ERROR:tcti:pluton: \n"));
	}
	end();
}

/* --- arguments ------------------------------------------------------------------------------- */

static void test_null_where_something_must_be_is_a_bad_reference(void)
{
	TSS2_TCTI_CONTEXT_COMMON_V2 *table;

	begin();
	table = (TSS2_TCTI_CONTEXT_COMMON_V2 *)tcti;
	size = sizeof(response);
	fake_tpm_command(command, 14, 0);
	CU_ASSERT_EQUAL(table->v1.transmit(NULL, 14, command), TSS2_TCTI_RC_BAD_REFERENCE);
	CU_ASSERT_EQUAL(table->v1.transmit(tcti, 14, NULL), TSS2_TCTI_RC_BAD_REFERENCE);
	CU_ASSERT_EQUAL(table->v1.receive(NULL, &size, response, 0), TSS2_TCTI_RC_BAD_REFERENCE);
	CU_ASSERT_EQUAL(table->v1.receive(tcti, NULL, response, 0), TSS2_TCTI_RC_BAD_REFERENCE);
	CU_ASSERT_EQUAL(table->v1.cancel(NULL), TSS2_TCTI_RC_BAD_REFERENCE);
	CU_ASSERT_EQUAL(table->v1.setLocality(NULL, 0), TSS2_TCTI_RC_BAD_REFERENCE);
	CU_ASSERT_EQUAL(table->v1.getPollHandles(NULL, NULL, &size), TSS2_TCTI_RC_BAD_REFERENCE);
	CU_ASSERT_EQUAL(table->v1.getPollHandles(tcti, NULL, NULL), TSS2_TCTI_RC_BAD_REFERENCE);
	CU_ASSERT_EQUAL(table->makeSticky(NULL, NULL, 0), TSS2_TCTI_RC_BAD_REFERENCE);
	table->v1.finalize(NULL);
	check_ran(1);
	end();
}

static void check_all(TSS2_RC code)
{
	TSS2_TCTI_CONTEXT_COMMON_V2 *table = (TSS2_TCTI_CONTEXT_COMMON_V2 *)tcti;

	size = sizeof(response);
	fake_tpm_command(command, 14, 0);
	CU_ASSERT_EQUAL(table->v1.transmit(tcti, 14, command), code);
	CU_ASSERT_EQUAL(table->v1.receive(tcti, &size, response, 0), code);
	CU_ASSERT_EQUAL(table->v1.cancel(tcti), code);
	CU_ASSERT_EQUAL(table->v1.setLocality(tcti, 0), code);
	CU_ASSERT_EQUAL(table->v1.getPollHandles(tcti, NULL, &size), code);
	CU_ASSERT_EQUAL(table->makeSticky(tcti, NULL, 0), code);
}

static void test_a_context_of_somebody_else_is_refused(void)
{
	TSS2_TCTI_CONTEXT_COMMON_V2 *table;

	begin();
	table = (TSS2_TCTI_CONTEXT_COMMON_V2 *)tcti;
	table->v1.magic ^= 1;
	check_all(TSS2_TCTI_RC_BAD_CONTEXT);
	table->v1.finalize(tcti); /* does nothing */
	table->v1.magic ^= 1;
	table->v1.version++;
	check_all(TSS2_TCTI_RC_ABI_MISMATCH);
	table->v1.version--;
	check_ran(1);
	end();
}

static void test_after_finalize_nothing_works_and_nothing_breaks(void)
{
	TSS2_TCTI_FINALIZE_FCN finalize;

	begin();
	finalize = TSS2_TCTI_FINALIZE(tcti);
	finalize(tcti);
	check_all(TSS2_TCTI_RC_BAD_CONTEXT);
	finalize(tcti);
	end();
}

static void test_calls_out_of_sequence_are_refused(void)
{
	begin();
	CU_ASSERT_EQUAL(receive(0), TSS2_TCTI_RC_BAD_SEQUENCE);
	CU_ASSERT_EQUAL(Tss2_Tcti_Cancel(tcti), TSS2_TCTI_RC_BAD_SEQUENCE);
	CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(transmit(0), TSS2_TCTI_RC_BAD_SEQUENCE);
	CU_ASSERT_EQUAL(Tss2_Tcti_SetLocality(tcti, 1), TSS2_TCTI_RC_BAD_SEQUENCE);
	CU_ASSERT_EQUAL(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_TCTI_RC_BAD_SEQUENCE);
	check_ran(2);
	end();
}

static void transmit_wrong_sizes(void)
{
	static const uint32_t sizes[] = {10, 4096, 9, 0, 4097};

	for (size_t i = 0; i < TESTS_COUNT(sizes); i++) {
		fake_tpm_command(command, sizes[i] < 10 ? 10 : sizes[i], 0);
		CU_ASSERT_EQUAL(Tss2_Tcti_Transmit(tcti, sizes[i], command),
				i < 2 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_BAD_VALUE);
		if (i < 2)
			CU_ASSERT_EQUAL(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_RC_SUCCESS);
	}
	fake_tpm_command(command, 14, 0);
	CU_ASSERT_EQUAL(Tss2_Tcti_Transmit(tcti, 15, command), TSS2_TCTI_RC_BAD_VALUE);
	CU_ASSERT_EQUAL(Tss2_Tcti_Transmit(tcti, 13, command), TSS2_TCTI_RC_BAD_VALUE);
}

static void test_a_command_of_a_wrong_size_is_a_bad_value(void)
{
	char text[1024];

	begin();
	capture(STDERR_FILENO, transmit_wrong_sizes, text, sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "10 to 4096 bytes, not 4097"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "another length"));
	check_ran(3);
	end();
}

/* --- receiving ------------------------------------------------------------------------------- */

static void test_timeouts_are_kept(void)
{
	begin();
	fake_tpm_next(&fake, ACT_HOLD);
	CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(receive(TSS2_TCTI_TIMEOUT_NONE), TSS2_TCTI_RC_TRY_AGAIN);
	CU_ASSERT_EQUAL(receive(5), TSS2_TCTI_RC_TRY_AGAIN);
	CU_ASSERT_EQUAL(receive(-2), TSS2_TCTI_RC_BAD_VALUE);
	size = 0;
	CU_ASSERT_EQUAL(Tss2_Tcti_Receive(tcti, &size, NULL, 0), TSS2_TCTI_RC_TRY_AGAIN);
	CU_ASSERT_EQUAL(Tss2_Tcti_Cancel(tcti), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(receive(60000), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(fake_tpm_rc(response), FAKE_RC_CANCELED);
	end();
}

static void test_a_response_is_taken_after_its_size_was_asked_or_the_buffer_was_too_small(void)
{
	begin();
	CU_ASSERT_EQUAL(transmit(300), TSS2_RC_SUCCESS);
	size = 0;
	CU_ASSERT_EQUAL(Tss2_Tcti_Receive(tcti, &size, NULL, TSS2_TCTI_TIMEOUT_BLOCK),
			TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(size, 300);
	CU_ASSERT_EQUAL(Tss2_Tcti_Receive(tcti, &size, NULL, 0), TSS2_RC_SUCCESS);
	for (size_t room = 0; room < 300; room += 299) {
		size = room;
		memset(response, 0, sizeof(response));
		CU_ASSERT_EQUAL(Tss2_Tcti_Receive(tcti, &size, response, 0),
				TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
		CU_ASSERT_EQUAL(size, 300);
		CU_ASSERT_EQUAL(response[0], 0);
	}
	CU_ASSERT_EQUAL(Tss2_Tcti_Cancel(tcti), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(Tss2_Tcti_Receive(tcti, &size, response, 0), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(size, 300);
	CU_ASSERT_EQUAL(response[299], 0xc3);
	check_ran(2);
	end();
}

static void test_poll_handles_say_when_to_receive(void)
{
	TSS2_TCTI_POLL_HANDLE handles[2] = {{.fd = -7}, {.fd = -7}};
	size_t count = 0;
	TSS2_RC code;

	begin();
	CU_ASSERT_EQUAL(Tss2_Tcti_GetPollHandles(tcti, NULL, &count), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(count, 1);
	count = 0;
	CU_ASSERT_EQUAL(Tss2_Tcti_GetPollHandles(tcti, handles, &count),
			TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
	count = 2;
	CU_ASSERT_EQUAL(Tss2_Tcti_GetPollHandles(tcti, handles, &count), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_EQUAL(handles[1].fd, -7);
	/* asked for once, and good for all that follows */
	fake_tpm_next(&fake, ACT_RUN);
	fake_tpm_next(&fake, ACT_DIE_AFTER);
	fake_tpm_broker(&fake, BROKER_IS_BUSY, 2);
	for (unsigned i = 1; i <= 2; i++) {
		CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
		while ((code = receive(TSS2_TCTI_TIMEOUT_NONE)) == TSS2_TCTI_RC_TRY_AGAIN)
			CU_ASSERT_EQUAL(poll(handles, 1, -1), 1);
		CU_ASSERT_EQUAL(code, TSS2_RC_SUCCESS);
		CU_ASSERT_EQUAL(fake_tpm_count(response), i);
	}
	end();
}

static void *cancel(void *arg)
{
	(void)arg;
	while (Tss2_Tcti_Cancel(tcti) != TSS2_RC_SUCCESS)
		sched_yield();
	return NULL;
}

static void test_another_thread_cancels_what_this_one_waits_for(void)
{
	pthread_t thread;

	begin();
	for (int i = 0; i < 20; i++) {
		fake_tpm_next(&fake, ACT_HOLD);
		CU_ASSERT_EQUAL(pthread_create(&thread, NULL, cancel, NULL), 0);
		CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
		CU_ASSERT_EQUAL(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_RC_SUCCESS);
		CU_ASSERT_EQUAL(fake_tpm_rc(response), FAKE_RC_CANCELED);
		pthread_join(thread, NULL);
	}
	end();
}

static void test_an_app_that_says_busy_ends_the_wait(void)
{
	char text[512];

	begin();
	fake_tpm_next(&fake, ACT_REFUSE_BUSY);
	CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
	capture(STDERR_FILENO, receive_blocking, text, sizeof(text));
	CU_ASSERT_EQUAL(code_of_receive, TSS2_TCTI_RC_IO_ERROR);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "the fake does not want to"));
	check_ran(1);
	end();
}

/* Every call in a child of fork(2) is one without a connection, and takes nothing from the parent.
 */
static int use_as_a_child(void)
{
	TSS2_TCTI_POLL_HANDLE handle;
	size_t count = 1;

	if (Tss2_Tcti_Cancel(tcti) != TSS2_TCTI_RC_NO_CONNECTION ||
	    receive(TSS2_TCTI_TIMEOUT_BLOCK) != TSS2_TCTI_RC_NO_CONNECTION ||
	    transmit(0) != TSS2_TCTI_RC_NO_CONNECTION ||
	    Tss2_Tcti_SetLocality(tcti, 1) != TSS2_TCTI_RC_NO_CONNECTION ||
	    Tss2_Tcti_GetPollHandles(tcti, &handle, &count) != TSS2_TCTI_RC_NO_CONNECTION)
		return 1;
	Tss2_Tcti_Finalize(tcti);
	return 0;
}

static int status_of_child;

static void fork_child(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(use_as_a_child());
	CU_ASSERT_EQUAL(waitpid(child, &status_of_child, 0), child);
}

static void test_a_child_of_fork_has_no_connection(void)
{
	char text[2048];

	begin();
	check_ran(1);
	CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
	capture(STDERR_FILENO, fork_child, text, sizeof(text));
	CU_ASSERT_EQUAL(status_of_child, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "must open its own"));
	CU_ASSERT_EQUAL(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(fake_tpm_count(response), 2);
	check_ran(3);
	end();
}

/* --- the rest -------------------------------------------------------------------------------- */

static void set_high_locality(void)
{
	CU_ASSERT_EQUAL(Tss2_Tcti_SetLocality(tcti, FAKE_TPM_LOCALITY_MAX), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(Tss2_Tcti_SetLocality(tcti, FAKE_TPM_LOCALITY_MAX + 1),
			TSS2_TCTI_RC_BAD_VALUE);
}

static void test_the_locality_holds_for_what_follows(void)
{
	char text[256];

	begin();
	capture(STDERR_FILENO, set_high_locality, text, sizeof(text));
	CU_ASSERT(text[0] != '\0');
	check_ran(1);
	CU_ASSERT_EQUAL(fake_tpm_locality(response), FAKE_TPM_LOCALITY_MAX);
	end();
}

static void test_make_sticky_is_not_implemented(void)
{
	TPM2_HANDLE handle = 0x80000000;

	begin();
	CU_ASSERT_EQUAL(Tss2_Tcti_MakeSticky(tcti, &handle, 1), TSS2_TCTI_RC_NOT_IMPLEMENTED);
	end();
}

static void test_a_tpm_that_was_switched_off_is_one_code_and_a_sentence(void)
{
	char text[512];

	begin();
	check_ran(1);
	fake_tpm_next(&fake, ACT_OFF_BEFORE);
	CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
	capture(STDERR_FILENO, receive_blocking, text, sizeof(text));
	CU_ASSERT_EQUAL(code_of_receive, TSS2_TCTI_RC_NO_CONNECTION);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "switched off"));
	CU_ASSERT_EQUAL(receive(0), TSS2_TCTI_RC_BAD_SEQUENCE);
	check_ran(2);
	end();
}

static void test_what_is_no_response_is_malformed(void)
{
	char text[512];

	begin();
	fake_tpm_next(&fake, ACT_SAY_OTHERWISE);
	CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
	capture(STDERR_FILENO, receive_blocking, text, sizeof(text));
	CU_ASSERT_EQUAL(code_of_receive, TSS2_TCTI_RC_MALFORMED_RESPONSE);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "header says 19"));
	end();
}

static void test_two_contexts_do_not_disturb_each_other(void)
{
	TSS2_TCTI_CONTEXT *first, *second;
	char conf[160];

	begin();
	first = tcti;
	snprintf(conf, sizeof(conf), "address=%s", fake.address);
	CU_ASSERT_EQUAL_FATAL(initialize(conf, &second), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
	tcti = second;
	CU_ASSERT_EQUAL(Tss2_Tcti_SetLocality(tcti, 2), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(transmit(0), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(fake_tpm_locality(response), 2);
	Tss2_Tcti_Finalize(second);
	free(second);
	tcti = first;
	CU_ASSERT_EQUAL(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_RC_SUCCESS);
	CU_ASSERT_EQUAL(fake_tpm_locality(response), 0);
	end();
}

static const struct test tests[] = {
	TEST(test_the_library_says_what_it_is),
	TEST(test_init_says_the_size_first_and_refuses_less),
	TEST(test_the_table_has_every_function),
	TEST(test_every_form_of_the_configuration_reaches_the_tpm),
	TEST(test_a_wrong_configuration_is_refused_with_a_sentence),
	TEST(test_a_tpm_that_is_not_there_is_explained_unless_the_log_is_off),
	TEST(test_the_log_goes_where_tpm2_tss_writes_its_own),
	TEST(test_what_plutond_says_about_the_app_becomes_a_code),
	TEST(test_null_where_something_must_be_is_a_bad_reference),
	TEST(test_a_context_of_somebody_else_is_refused),
	TEST(test_after_finalize_nothing_works_and_nothing_breaks),
	TEST(test_calls_out_of_sequence_are_refused),
	TEST(test_a_command_of_a_wrong_size_is_a_bad_value),
	TEST(test_timeouts_are_kept),
	TEST(test_a_response_is_taken_after_its_size_was_asked_or_the_buffer_was_too_small),
	TEST(test_poll_handles_say_when_to_receive),
	TEST(test_another_thread_cancels_what_this_one_waits_for),
	TEST(test_an_app_that_says_busy_ends_the_wait),
	TEST(test_a_child_of_fork_has_no_connection),
	TEST(test_the_locality_holds_for_what_follows),
	TEST(test_make_sticky_is_not_implemented),
	TEST(test_a_tpm_that_was_switched_off_is_one_code_and_a_sentence),
	TEST(test_what_is_no_response_is_malformed),
	TEST(test_two_contexts_do_not_disturb_each_other),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "tcti", tests, TESTS_COUNT(tests));
}
