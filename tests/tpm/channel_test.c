/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel's protocol: greeting, limits, refusals, and clients who keep to none of it.
 */
#include "tests/tpm/orders.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/suite.h"

#define SOMEBODY 1000u

static void send_record(struct rig_client *client, const struct record *record)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(record, bytes, sizeof(bytes));

	CU_ASSERT_TRUE_FATAL(size > 0);
	rig_send(client, bytes, (size_t)size);
}

static void hello(struct rig_client *client, uint32_t version)
{
	const struct record record = {.header.type = RECORD_HELLO, .hello.version = version};

	send_record(client, &record);
}

/* The app is alive and well for others. */
static void check_serves(struct rig *rig)
{
	struct rig_client client;
	struct order order;

	rig_attach(rig, &client, SOMEBODY, NULL);
	order_get_random(&order, 8);
	CU_ASSERT_EQUAL(order_run(&client, &order), TPM_RC_SUCCESS);
	rig_hang_up(&client);
}

/* --- greeting -------------------------------------------------------------------------------- */

static void test_greeting_says_what_a_tpm_channel_has(void)
{
	struct rig rig;
	struct rig_client client;
	uint8_t bytes[RECORD_SIZE_MAX];
	struct record record;
	ssize_t n;

	rig_open(&rig);
	rig_start(&rig);
	rig_connect(&rig, &client, SOMEBODY);
	hello(&client, RECORD_VERSION);
	n = recv(client.fd, bytes, sizeof(bytes), 0);
	CU_ASSERT_EQUAL_FATAL(record_decode(bytes, (size_t)n, &record), 0);
	CU_ASSERT_EQUAL(record.header.type, RECORD_WELCOME);
	CU_ASSERT_EQUAL(record.welcome.inline_max, RECORD_INLINE_LIMIT);
	CU_ASSERT_EQUAL(record.welcome.operations_max, TPM_CHANNEL_OPERATIONS);
	CU_ASSERT_EQUAL(record.welcome.windows_max, 0);
	CU_ASSERT_EQUAL(record.welcome.pid, (uint32_t)rig.child);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_other_version_is_refused_and_disconnected(void)
{
	struct rig rig;
	struct rig_client client;

	rig_open(&rig);
	rig_start(&rig);
	rig_connect(&rig, &client, SOMEBODY);
	hello(&client, RECORD_VERSION + 1);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EOFF);
	rig_hang_up(&client);
	check_serves(&rig);
	rig_close(&rig);
}

static void test_attach_comes_first_and_once(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_connect(&rig, &client, SOMEBODY);
	hello(&client, RECORD_VERSION);
	CU_ASSERT_EQUAL(rig_receive(&client), 1);
	order_get_random(&order, 8);
	order_send(&client, &order);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(client.text, "Attach"));
	rig_submit(&client, TPM_ATTACH, 0, NULL, 0, TPM_TOKEN_SIZE);
	CU_ASSERT_EQUAL(rig_receive(&client), 0);
	rig_submit(&client, TPM_ATTACH, 0, NULL, 0, TPM_TOKEN_SIZE);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EINVAL);
	client.sequence = 0;
	CU_ASSERT_EQUAL(order_run(&client, &order), TPM_RC_SUCCESS);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_token_of_a_wrong_size_is_refused(void)
{
	static const uint8_t token[TPM_TOKEN_SIZE + 1];
	struct rig rig;
	struct rig_client client;

	rig_open(&rig);
	rig_start(&rig);
	rig_connect(&rig, &client, SOMEBODY);
	hello(&client, RECORD_VERSION);
	CU_ASSERT_EQUAL(rig_receive(&client), 1);
	for (size_t size = TPM_TOKEN_SIZE - 1; size <= TPM_TOKEN_SIZE + 1; size += 2) {
		rig_submit(&client, TPM_ATTACH, 0, token, size, TPM_TOKEN_SIZE);
		CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EINVAL);
	}
	rig_submit(&client, TPM_ATTACH, 0, token, TPM_TOKEN_SIZE, TPM_TOKEN_SIZE - 1);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EINVAL);
	rig_submit(&client, TPM_ATTACH, 0, token, TPM_TOKEN_SIZE, TPM_TOKEN_SIZE);
	CU_ASSERT_EQUAL(rig_receive(&client), 0);
	CU_ASSERT_EQUAL(client.words[1], 0);
	rig_hang_up(&client);
	rig_close(&rig);
}

/* --- limits ---------------------------------------------------------------------------------- */

static void test_connections_up_to_the_limit_are_served_and_one_more_is_told_why_not(void)
{
	struct rig rig;
	struct rig_client clients[5];
	struct order order;

	rig_open(&rig);
	rig.options.connections_max = 4;
	rig.options.per_user_max = 4;
	rig_start(&rig);
	for (unsigned i = 0; i < 4; i++)
		rig_attach(&rig, &clients[i], SOMEBODY, NULL);
	rig_connect(&rig, &clients[4], SOMEBODY);
	CU_ASSERT_EQUAL(rig_receive(&clients[4]), -PLUTON_EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(clients[4].text, "4 clients"));
	CU_ASSERT_PTR_NOT_NULL(strstr(clients[4].text, "--connections-max"));
	CU_ASSERT_EQUAL(rig_receive(&clients[4]), -PLUTON_EOFF);
	for (unsigned i = 1; i < 5; i++)
		rig_hang_up(&clients[i]);
	order_get_random(&order, 8);
	/* Whoever is answered now comes behind those who hung up. */
	CU_ASSERT_EQUAL(order_run(&clients[0], &order), TPM_RC_SUCCESS);
	rig_hang_up(&clients[0]);
	check_serves(&rig);
	rig_close(&rig);
}

static void test_one_user_gets_its_share_of_connections_and_root_any(void)
{
	struct rig rig;
	struct rig_client clients[5];

	rig_open(&rig);
	rig.options.connections_max = 5;
	rig.options.per_user_max = 2;
	rig_start(&rig);
	rig_attach(&rig, &clients[0], SOMEBODY, NULL);
	rig_attach(&rig, &clients[1], SOMEBODY, NULL);
	rig_connect(&rig, &clients[2], SOMEBODY);
	CU_ASSERT_EQUAL(rig_receive(&clients[2]), -PLUTON_EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(clients[2].text, "user 1000 has 2 connections"));
	rig_hang_up(&clients[2]);
	rig_attach(&rig, &clients[2], 0, NULL);
	rig_attach(&rig, &clients[3], 0, NULL);
	rig_attach(&rig, &clients[4], 0, NULL);
	for (unsigned i = 0; i < 5; i++)
		rig_hang_up(&clients[i]);
	rig_close(&rig);
}

static void test_locality_up_to_the_limit_is_taken_and_one_more_is_refused(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	for (uint32_t locality = 0; locality <= 3; locality++) {
		rig_submit(&client, TPM_SET_LOCALITY, locality, NULL, 0, 0);
		CU_ASSERT_EQUAL(rig_receive(&client), 0);
	}
	rig_submit(&client, TPM_SET_LOCALITY, 4, NULL, 0, 0);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EINVAL);
	/* PCR 20 may be extended at localities 1 to 3, and not at 0 (PC Client profile) */
	order_pcr_extend(&order, 20, 1);
	CU_ASSERT_EQUAL(order_run(&client, &order), TPM_RC_SUCCESS);
	rig_kill(&rig);
	rig_hang_up(&client);
	rig_start(&rig);
	CU_ASSERT_TRUE(rig_attach(&rig, &client, SOMEBODY, client.token));
	CU_ASSERT_EQUAL(order_run(&client, &order), TPM_RC_SUCCESS); /* it stays what it was */
	rig_submit(&client, TPM_SET_LOCALITY, 0, NULL, 0, 0);
	CU_ASSERT_EQUAL(rig_receive(&client), 0);
	CU_ASSERT_EQUAL(order_run(&client, &order), 0x907); /* TPM_RC_LOCALITY */
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_command_sizes_at_and_over_the_limits(void)
{
	static uint8_t big[TPM_BUFFER_SIZE + 1];
	struct rig rig;
	struct rig_client client;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	tpm_put16(big, TPM_ST_NO_SESSIONS);
	tpm_put32(big + 2, TPM_BUFFER_SIZE);
	tpm_put32(big + 6, TPM_CC_GET_RANDOM);
	CU_ASSERT_NOT_EQUAL(rig_run(&client, big, TPM_BUFFER_SIZE), TPM_RC_SUCCESS);
	client.sequence++;
	rig_submit(&client, TPM_TRANSMIT, client.sequence, big, TPM_BUFFER_SIZE + 1,
		   RECORD_INLINE_LIMIT - TPM_BUFFER_SIZE - 1);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_ESIZE);
	rig_submit(&client, TPM_TRANSMIT, client.sequence, big, TPM_HEADER_SIZE - 1, 4096);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_ESIZE);
	client.sequence--; /* a refused command has no number */
	CU_ASSERT_EQUAL(rig_run(&client, big, TPM_HEADER_SIZE), TPM_RC_COMMAND_SIZE);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_wrong_size_fields_are_answered_by_the_tpm(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	for (uint32_t wrong = 0; wrong < 40; wrong++) {
		order_get_random(&order, 8);
		if (wrong == order.size)
			continue;
		tpm_put32(order.bytes + 2, wrong);
		CU_ASSERT_EQUAL(order_run(&client, &order), TPM_RC_COMMAND_SIZE);
	}
	tpm_put32(order.bytes + 2, UINT32_MAX);
	CU_ASSERT_EQUAL(order_run(&client, &order), TPM_RC_COMMAND_SIZE);
	rig_hang_up(&client);
	check_serves(&rig);
	rig_close(&rig);
}

static void test_response_without_room_is_asked_for_again_with_the_same_number(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_get_random(&order, 16);
	rig_submit(&client, TPM_TRANSMIT, 1, order.bytes, order.size, 27);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_ESIZE);
	rig_submit(&client, TPM_TRANSMIT, 1, order.bytes, order.size, 28);
	CU_ASSERT_EQUAL(rig_receive(&client), 0);
	CU_ASSERT_EQUAL(client.size, 28);
	rig_hang_up(&client);
	rig_close(&rig);
}

/* Two programs, after a fork, and one connection: neither gets what the other asked for. */
static void test_number_that_was_answered_is_not_answered_twice(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_get_random(&order, 16);
	rig_submit(&client, TPM_TRANSMIT, 1, order.bytes, order.size, 28);
	CU_ASSERT_EQUAL(rig_receive(&client), 0);
	rig_submit(&client, TPM_TRANSMIT, 1, order.bytes, order.size, 28);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EINVAL);
	rig_submit(&client, TPM_TRANSMIT, 2, order.bytes, order.size, 28);
	CU_ASSERT_EQUAL(rig_receive(&client), 0);
	rig_hang_up(&client);
	rig_close(&rig);
}

/* --- refusals -------------------------------------------------------------------------------- */

static struct record transmit_of(const struct order *order)
{
	return (struct record){
		.header = {.type = RECORD_OPERATION, .op_id = 7, .driver = PLUTON_DRIVER_TPM},
		.operation = {.command = TPM_TRANSMIT,
			      .words = {1},
			      .inline_length = (uint16_t)order->size,
			      .output_length = 4096,
			      .range_count = 2,
			      .ranges = {{0, 0, (uint32_t)order->size},
					 {0, (uint32_t)order->size, 4096}},
			      .inline_bytes = order->bytes},
	};
}

static void check_refused(struct rig_client *client, const struct record *record, int error)
{
	int r;

	send_record(client, record);
	r = rig_receive(client);
	CU_ASSERT_EQUAL(r, error);
	if (r != error)
		printf("# %d instead of %d\n", r, error);
	CU_ASSERT_TRUE(strlen(client->text) > 10);
}

static void test_operations_that_a_tpm_does_not_have_are_refused_with_a_sentence(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	struct record record;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_get_random(&order, 8);
	record = transmit_of(&order);
	record.header.driver = 0x40001;
	check_refused(&client, &record, -PLUTON_ENODEVICE);
	record = transmit_of(&order);
	record.operation.command = 0;
	check_refused(&client, &record, -PLUTON_ENOSUPPORT);
	record.operation.command = 6;
	check_refused(&client, &record, -PLUTON_ENOSUPPORT);
	record.operation.command = UINT32_MAX;
	check_refused(&client, &record, -PLUTON_ENOSUPPORT);
	record = transmit_of(&order);
	record.header.op_id = 0;
	check_refused(&client, &record, -PLUTON_EINVAL);
	record = transmit_of(&order);
	record.operation.words[1] = 1;
	check_refused(&client, &record, -PLUTON_EINVAL);
	record = (struct record){.header = {.type = RECORD_CALL, .driver = PLUTON_DRIVER_TPM},
				 .call.class = CLASS_COMMAND};
	check_refused(&client, &record, -PLUTON_ENOSUPPORT);
	record = (struct record){.header = {.type = RECORD_WINDOW_REMOVE, .op_id = 9}};
	check_refused(&client, &record, -PLUTON_ENOSUPPORT);
	record = transmit_of(&order);
	send_record(&client, &record);
	CU_ASSERT_EQUAL(rig_response(&client), TPM_RC_SUCCESS); /* the test can fail */
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_ranges_that_are_not_the_records_own_bytes_are_refused(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	struct record good;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_get_random(&order, 8);
	good = transmit_of(&order);
	for (unsigned i = 0; i < 9; i++) {
		struct record record = good;
		struct record_range *in = &record.operation.ranges[0];
		struct record_range *out = &record.operation.ranges[1];

		switch (i) {
		case 0:
			in->window = 1;
			break;
		case 1:
			out->window = 1;
			break;
		case 2:
			in->length++;
			break;
		case 3:
			in->offset = UINT32_MAX;
			break;
		case 4:
			out->offset--;
			break;
		case 5:
			out->length = UINT32_MAX;
			break;
		case 6:
			out->offset++;
			out->length--;
			break;
		case 7:
			out->length = 0;
			break;
		case 8:
			record.operation.range_count = 3;
			record.operation.ranges[2] = (struct record_range){0, 0, 1};
			break;
		}
		check_refused(&client, &record, -PLUTON_EINVAL);
	}
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_second_transmit_before_the_first_is_answered_is_busy(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	struct order second;
	unsigned busy = 0;
	unsigned answers = 0;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	atomic_store(&rig.shared->store, RIG_HOLDS);
	order_nv_define_counter(&order); /* its response is held */
	order_send(&client, &order);
	order_get_random(&second, 8);
	order_send(&client, &second);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EBUSY);
	client.sequence--;
	rig_submit(&client, TPM_SET_LOCALITY, 1, NULL, 0, 0);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EBUSY);
	for (unsigned i = 0; i < 20; i++) { /* as many as it likes */
		rig_submit(&client, TPM_TRANSMIT, client.sequence + 1, second.bytes, second.size,
			   4096);
		if (rig_receive(&client) == -PLUTON_EBUSY)
			busy++;
	}
	CU_ASSERT_EQUAL(busy, 20);
	atomic_store(&rig.shared->store, RIG_STORES);
	CU_ASSERT_EQUAL(rig_response(&client), TPM_RC_SUCCESS);
	answers++;
	CU_ASSERT_EQUAL(order_run(&client, &second), TPM_RC_SUCCESS);
	rig_hang_up(&client);
	rig_close(&rig);
}

/* --- hostility ------------------------------------------------------------------------------- */

static void test_garbage_at_any_time_ends_the_connection_and_nothing_else(void)
{
	static uint8_t bytes[RECORD_SIZE_MAX + 100];
	struct rig rig;
	struct rig_client client;
	unsigned seed = 1;

	rig_open(&rig);
	rig_start(&rig);
	for (unsigned i = 0; i < 200; i++) {
		size_t size = (size_t)rand_r(&seed) % sizeof(bytes) + 1;
		bool attached = i % 2;

		for (size_t j = 0; j < size; j++)
			bytes[j] = (uint8_t)rand_r(&seed);
		if (i % 4 == 0 && size >= 16) { /* a header that looks right */
			memset(bytes, 0, 16);
			bytes[0] = (uint8_t)(i % 7);
			memcpy(bytes + 4, &(uint32_t){(uint32_t)size}, 4);
		}
		if (attached)
			rig_attach(&rig, &client, SOMEBODY, NULL);
		else
			rig_connect(&rig, &client, SOMEBODY);
		rig_send(&client, bytes, size);
		while (rig_receive(&client) != -PLUTON_EOFF) {
			if (i % 4 != 0)
				continue;
			rig_hang_up(&client); /* a refusal: the connection may go on */
			break;
		}
		if (client.fd >= 0)
			rig_hang_up(&client);
	}
	check_serves(&rig);
	rig_close(&rig);
}

static void test_descriptor_in_a_record_ends_the_connection(void)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	uint8_t bytes[RECORD_SIZE_MAX];
	const struct record record = {.header.type = RECORD_HELLO, .hello.version = RECORD_VERSION};
	struct iovec iov = {.iov_base = bytes,
			    .iov_len = (size_t)record_encode(&record, bytes, sizeof(bytes))};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control.space)};
	struct rig rig;
	struct rig_client client;
	int fd = 0;

	rig_open(&rig);
	rig_start(&rig);
	rig_connect(&rig, &client, SOMEBODY);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	CU_ASSERT_TRUE(sendmsg(client.fd, &message, MSG_NOSIGNAL) > 0);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EOFF);
	rig_hang_up(&client);
	check_serves(&rig);
	rig_close(&rig);
}

static void test_client_that_does_not_read_is_not_read_from_and_holds_nobody_up(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	struct record record;
	uint8_t bytes[RECORD_SIZE_MAX];
	unsigned sent = 0;
	unsigned answered = 0;
	int size;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_get_random(&order, 8);
	record = transmit_of(&order);
	record.operation.words[0] = 99; /* refused at once, with a sentence */
	size = record_encode(&record, bytes, sizeof(bytes));
	while (send(client.fd, bytes, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 ||
	       poll(&(struct pollfd){.fd = client.fd, .events = POLLOUT}, 1, 100) == 1)
		sent++;
	check_serves(&rig);
	while (rig_has_answer(&client) ||
	       poll(&(struct pollfd){.fd = client.fd, .events = POLLIN}, 1, 100) == 1) {
		CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EINVAL);
		answered++;
	}
	CU_ASSERT_TRUE(answered > 0 && answered <= sent);
	client.sequence = 0;
	CU_ASSERT_EQUAL(order_run(&client, &order), TPM_RC_SUCCESS);
	rig_hang_up(&client);
	rig_close(&rig);
}

static const struct test tests[] = {
	TEST(test_greeting_says_what_a_tpm_channel_has),
	TEST(test_other_version_is_refused_and_disconnected),
	TEST(test_attach_comes_first_and_once),
	TEST(test_token_of_a_wrong_size_is_refused),
	TEST(test_connections_up_to_the_limit_are_served_and_one_more_is_told_why_not),
	TEST(test_one_user_gets_its_share_of_connections_and_root_any),
	TEST(test_locality_up_to_the_limit_is_taken_and_one_more_is_refused),
	TEST(test_command_sizes_at_and_over_the_limits),
	TEST(test_wrong_size_fields_are_answered_by_the_tpm),
	TEST(test_number_that_was_answered_is_not_answered_twice),
	TEST(test_response_without_room_is_asked_for_again_with_the_same_number),
	TEST(test_operations_that_a_tpm_does_not_have_are_refused_with_a_sentence),
	TEST(test_ranges_that_are_not_the_records_own_bytes_are_refused),
	TEST(test_second_transmit_before_the_first_is_answered_is_busy),
	TEST(test_garbage_at_any_time_ends_the_connection_and_nothing_else),
	TEST(test_descriptor_in_a_record_ends_the_connection),
	TEST(test_client_that_does_not_read_is_not_read_from_and_holds_nobody_up),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "tpm_channel", tests, TESTS_COUNT(tests));
}
