/* SPDX-License-Identifier: MIT */
/* test_upgrade.c - keepers that go on as the program that this is, after themselves or after one that was killed */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/state.h"
#include "core/status.h"
#include "core/upgrade.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"
#include "tests/unit/life.h"

#define UPGRADES 3

static char tree[64];			/* what is found there is found first */

static bool can_be(const struct model_kernel *kernel)
{
	return kernel->features & UBLK_F_USER_RECOVERY_REISSUE;
}

static struct life begin_with(const struct disk_kind *kind, const struct model_kernel *kernel, const char *word)
{
	struct life life = life_of(kind, kernel);

	life_add_word(&life, "--recovery=reissue");
	if (word)
		life_add_word(&life, word);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	return life;
}

/* --- all goes well ------------------------------------------------------------------------ */

/* No request fails, and each time another server has the disk. */
static void upgrade(const struct disk_kind *kind, const struct model_kernel *kernel)
{
	struct life life = life_of(kind, kernel);

	life.load = life_load(kind, 0, false);
	life_add_word(&life, "--recovery=reissue");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	for (unsigned int i = 1; i <= UPGRADES; i++) {
		CHECK_EQ(life_ask(&life, UPGRADE_ASKER), 0);
		CHECK_EQ(model_deaths(), i);
		CHECK(model_is_served());
	}
	load_end(life.load);
	CHECK(load_wait(life.load));
	life_end_well(&life);
	life_check_load(&life, kind->name);
}

static void upgraded(void)
{
	for EVERY_KERNEL(kernel)
		if (can_be(kernel))
			upgrade(&life_kinds[MEM], kernel);
}

static void others_upgraded(void)
{
	for (size_t kind = 1; kind < ARRAY_SIZE(life_kinds); kind++)
		if (kind != OVER_FILE)			/* what was written lies in its server's memory */
			upgrade(&life_kinds[kind], NEWEST);
}

/* The pidfile, the name, counters, what waits for the last user: all of it goes on, and goes away in the end. */
static void with_all_that_it_has(void)
{
	static char pidfile[80], path[70], text[20], shared[] = "--shared-memory=/dev/shm/ublk-life-XXXXXX";
	char name[40], *memory = strchr(shared, '=') + 1;
	int fd = mkstemp(memory);
	bool shares = fd >= 0 && ftruncate(fd, 1 << 20) == 0;
	struct life life = life_of(&life_kinds[MEM], NEWEST);

	if (!shares)
		printf("# there is no /dev/shm\n");
	snprintf(path, sizeof(path), "%s/pid", life_dir);
	snprintf(pidfile, sizeof(pidfile), "--pidfile=%s", path);
	life_add_word(&life, "--recovery=reissue");
	life_add_word(&life, "--name=a.life");
	life_add_word(&life, "--stats=100");
	life_add_word(&life, "--autoclear");
	life_add_word(&life, "-v");
	life_add_word(&life, pidfile);
	if (shares)
		life_add_word(&life, shared);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	for (int i = 0; i < UPGRADES; i++) {
		CHECK_EQ(life_ask(&life, UPGRADE_ASKER), 0);
		CHECK(proc_find_link(life.keeper, "/memfd:ublk:0:", name, sizeof(name)));
		CHECK_TEXT(name, "a.life (deleted)");
		proc_name(life.keeper, name);
		CHECK(!strncmp(name, "ublk", 4));
		CHECK(proc_read(path, text, sizeof(text)) > 0 && atoi(text) == life.keeper);
	}
	life_tell(&life, SIGUSR1);
	CHECK(COMES(life_told("in flight in a queue")));
	life_end_well(&life);
	CHECK(access(path, F_OK) < 0);
	if (fd >= 0)
		close(fd);
	unlink(memory);
}

/* Its command is a child of the new program as it was of the old. */
static void with_a_command(void)
{
	static char fifo[70], script[120];
	struct life life = life_of(&life_kinds[NULL_DISK], NEWEST);
	int fd;

	snprintf(fifo, sizeof(fifo), "%s/fifo", life_dir);
	snprintf(script, sizeof(script), "read status <%s && exit $status", fifo);
	CHECK_EQ(mkfifo(fifo, 0600), 0);
	life_add_word(&life, "--supervise");
	life_add_word(&life, "--");
	life_add_word(&life, "sh");
	life_add_word(&life, "-c");
	life_add_word(&life, script);
	life_begin(&life);
	fd = open(fifo, O_WRONLY | O_CLOEXEC);			/* when it reads */
	CHECK_EQ(life_ask(&life, UPGRADE_ASKER), 0);
	CHECK_EQ(model_deaths(), 1);
	CHECK_EQ(write(fd, "42\n", 3), 3);
	close(fd);
	CHECK_EQ(life_end(&life), 42);
	CHECK(!model_is_added());
	model_close();
	unlink(fifo);
}

/* --- who may not ask ----------------------------------------------------------------------- */

static void put_own(const char *file, const char *text)
{
	char path[60];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)getpid(), file);
	calls_put(path, text);
}

/* As it is, but for what is another one; NULL: nothing. */
static void put_status(const char *uid, const char *gid, const char *rights)
{
	const char *const fields[] = { "Uid", "Gid", "CapPrm" }, *const others[] = { uid, gid, rights };
	char text[400] = "", own[80];

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (proc_read_field("/proc/self/status", fields[i], own, sizeof(own)))
			abort();
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s:\t%s\n", fields[i], others[i] ? others[i] : own);
	}
	put_own("status", text);
}

static void be_somebody_else(void) { put_status("7\t7\t7\t7", NULL, NULL); }
static void be_of_another_group(void) { put_status(NULL, "7\t7\t7\t7", NULL); }
static void be_without_rights(void) { put_status(NULL, NULL, "0000000000000000"); }
static void be_in_another_namespace(void) { put_own("ns/user", ""); }

static const char *program;		/* that the asker is said to run */

static void be_another_program(void)
{
	char path[120];

	snprintf(path, sizeof(path), "/proc/%d", (int)getpid());
	calls_put(path, NULL);
	snprintf(path, sizeof(path), "%s/proc/%d/exe", tree, (int)getpid());
	if (symlink(program, path) < 0)
		abort();
}

static int ask(struct life *life, const char *what, void (*before)(void))
{
	return life_answer(life_ask_begin(life, what, before));
}

static void refused(void)
{
	static void (*const who[])(void) = {
		be_somebody_else, be_of_another_group, be_in_another_namespace, be_without_rights,
	};
	static const char *const what[] = { UPGRADE_ASKER, QUIESCE_ASKER };
	struct life life = begin_with(&life_kinds[MEM], NEWEST, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(who) * ARRAY_SIZE(what); i++)
		if (proc_capabilities("/proc/self/status", "CapPrm") || who[i / ARRAY_SIZE(what)] != be_without_rights)
			CHECK_EQ(ask(&life, what[i % ARRAY_SIZE(what)], who[i / ARRAY_SIZE(what)]), EPERM);
	calls_clear();
	CHECK_EQ(model_deaths(), 0);
	CHECK_EQ(ask(&life, RECOVER_ASKER, be_in_another_namespace), 0);	/* there is nothing to do */
	CHECK_EQ(life_ask(&life, UPGRADE_ASKER), 0);
	life_end_well(&life);
}

static void not_another_program(void)
{
	static const struct { const char *program; int answer; const char *words; } programs[] = {
		{ "/nowhere/at/all", ENOENT, "" },
		{ "/bin/true", EPROTO, "the other program cannot go on with this disk" },
		{ "/etc/passwd", EPROTO, "become the other program: Permission denied" },
	};
	struct life life = begin_with(&life_kinds[MEM], NEWEST, "-v");

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		program = programs[i].program;
		CHECK_EQ(ask(&life, UPGRADE_ASKER, be_another_program), programs[i].answer);
		CHECK(life_told(programs[i].words));
	}
	CHECK_EQ(model_deaths(), 0);
	calls_clear();
	life_end_well(&life);
}

/* One that does not end when it is tried out has its time, or as long as nobody wants the disk to end. */
static void a_program_that_hangs(void)
{
	struct life life = begin_with(&life_kinds[MEM], NEWEST, NULL);
	pid_t asker;

	program = "/usr/bin/yes";
	calls_hurry(true);
	CHECK_EQ(ask(&life, UPGRADE_ASKER, be_another_program), EPROTO);
	calls_hurry(false);
	CHECK_EQ(model_deaths(), 0);
	asker = life_ask_begin(&life, UPGRADE_ASKER, be_another_program);
	life_tell(&life, SIGTERM);
	CHECK(life_answer(asker));
	CHECK_EQ(life_end(&life), STATUS_OK);
	CHECK(!model_is_added());
	model_close();
	calls_clear();
}

static void signals_of_nobody(void)
{
	struct life life = begin_with(&life_kinds[MEM], NEWEST, NULL);

	kill(life.keeper, UPGRADE_SIGNAL);
	CHECK(COMES(life_told("signal 40 alone means nothing; 'ublk-ctl upgrade 0'")));
	prctl(PR_SET_NAME, UPGRADE_ASKER, 0, 0, 0);
	sigqueue(life.keeper, UPGRADE_SIGNAL, (union sigval){ .sival_int = 1 });	/* who wants an answer sends none */
	life_tell(&life, SIGUSR1);
	prctl(PR_SET_NAME, "test_upgrade", 0, 0, 0);
	CHECK(COMES(strstr(strstr(life_words(), "means nothing") + 1, "means nothing")));
	CHECK_EQ(model_deaths(), 0);
	life_end_well(&life);
}

static void not_now(void)
{
	struct life life = begin_with(&life_kinds[MEM], NEWEST, NULL);

	CHECK_EQ(life_ask(&life, QUIESCE_ASKER), 0);
	CHECK_EQ(life_ask(&life, UPGRADE_ASKER), EBUSY);
	CHECK_EQ(life_ask(&life, RECOVER_ASKER), 0);
	life_end_well(&life);
	for EVERY_KERNEL(kernel) {
		if (!(kernel->features & UBLK_F_USER_RECOVERY))
			continue;
		life = life_of(&life_kinds[MEM], kernel);
		life_add_word(&life, "--recovery=requeue");
		life_begin(&life);
		CHECK(life_is_ready(&life));
		CHECK_EQ(life_ask(&life, UPGRADE_ASKER), EOPNOTSUPP);
		life_end_well(&life);
	}
	life = life_of(&life_kinds[MEM], NEWEST);
	life.model.in_use = true;
	life_add_word(&life, "--supervise");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_tell(&life, SIGTERM);
	CHECK(COMES(life_told("is in use")));
	CHECK_EQ(life_ask(&life, UPGRADE_ASKER), EBUSY);
	life_end_well(&life);
}

/* --- what goes wrong on the way ------------------------------------------------------------- */

/* The disk goes on with the server that it has, and is none the worse for it. */
static void fails_before(void)
{
	static const struct { const char *call; unsigned int after; int error, answer; } failures[] = {
		{ "fork", 0, EAGAIN, EPROTO },		/* nobody tries */
		{ "memfd_create", 0, EMFILE, EPROTO },	/* who tries cannot tell */
		{ "memfd_create", 1, EMFILE, EMFILE },	/* when it was tried */
		{ "mmap", 0, ENOMEM, EPROTO },
		{ "fork", 1, EAGAIN, EAGAIN },		/* no other server */
		{ "socketpair", 0, EMFILE, EMFILE },
	};
	struct life life = life_of(&life_kinds[MEM], NEWEST);

	life.load = life_load(&life_kinds[MEM], 0, false);
	life_add_word(&life, "--recovery=reissue");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		calls_fail_times(failures[i].call, failures[i].after, 1, failures[i].error);
		if (!CHECK_EQ(life_ask(&life, UPGRADE_ASKER), failures[i].answer))
			printf("#   when %s fails\n", failures[i].call);
		calls_fail_no_more();
		CHECK(model_is_live() && !model_deaths());
	}
	CHECK(life_told("the server process is still that of the last program"));
	load_end(life.load);
	CHECK(load_wait(life.load));
	life_end_well(&life);
	life_check_load(&life, "does not go on");
}

static struct life refuse(enum ublk_cmd command, unsigned int after, int error)
{
	struct life life = life_of(&life_kinds[MEM], NEWEST);

	life.model.refused.command = command;
	life.model.refused.after = after;
	life.model.refused.error = -error;
	life.model.refused.times = 1;
	life_add_word(&life, "--recovery=reissue");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	return life;
}

static void somebody_else_is_quicker(void)
{
	struct life life = refuse(UBLK_CMD_GET_DEV_INFO, 0, ENODEV);

	CHECK_EQ(life_ask(&life, UPGRADE_ASKER), ENODEV);		/* deleted: the server saves it, if it is saved */
	CHECK_EQ(life_end(&life), STATUS_OK);
	CHECK(!model_is_added());
	model_close();
	life = refuse(UBLK_CMD_GET_DEV_INFO, 1, EIO);			/* the last server has been told to leave already */
	CHECK_EQ(life_ask(&life, UPGRADE_ASKER), 0);
	CHECK(model_is_served());
	life_end_well(&life);
	life = refuse(UBLK_CMD_QUIESCE_DEV, 0, EOPNOTSUPP);		/* then it is done without */
	CHECK_EQ(life_ask(&life, UPGRADE_ASKER), 0);
	life_end_well(&life);
	life = refuse(UBLK_CMD_START_USER_RECOVERY, 0, EINVAL);		/* the last server is gone: yet another one */
	CHECK_EQ(life_ask(&life, UPGRADE_ASKER), EINVAL);
	CHECK(model_is_served());
	life_end_well(&life);
}

/* The new program cannot find the device: the server goes on alone, for who adopts it. */
static void left_alone(void)
{
	struct life life = refuse(UBLK_CMD_GET_DEV_INFO, 0, EIO);
	pid_t asker = life_ask_begin(&life, UPGRADE_ASKER, NULL);

	CHECK_EQ(life_end(&life), STATUS_FAILED);
	CHECK(life_told("find device 0"));
	kill(asker, SIGKILL);						/* nobody answers any more */
	life_answer(asker);
	CHECK(model_is_added() && model_is_live() && !model_deaths());
	kill(model_server(), SIGKILL);
	model_close();
}

/* --- after one that was killed --------------------------------------------------------------- */

#define TAKEN_MAX 64

/* What a server has, ours now: its descriptors, and the state. */
static struct taken {
	struct state state;
	int count, number[TAKEN_MAX], fd[TAKEN_MAX], saved;
} taken;

static int take(int pidfd, int number)
{
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0), aside = fcntl(fd, F_DUPFD_CLOEXEC, STATE_ASIDE);

	close(fd);
	return aside;
}

/* Here, for we are its ancestor: nobody else may look into it everywhere. */
static bool take_all(pid_t worker)
{
	int pidfd = (int)syscall(SYS_pidfd_open, worker, 0), number;
	uint32_t at = 0;

	taken.count = 0;
	taken.saved = take(pidfd, proc_find_descriptor(worker, STATE_LINK));
	if (state_read(&taken.state, taken.saved))
		return false;
	while ((number = state_next_file(&taken.state, &at)) >= 0 && taken.count < TAKEN_MAX) {
		taken.number[taken.count] = number;
		taken.fd[taken.count++] = take(pidfd, number);
	}
	close(pidfd);
	return true;
}

static void drop_all(void)
{
	for (int i = 0; i < taken.count; i++)
		close(taken.fd[i]);
	close(taken.saved);
	state_close(&taken.state);
}

/* As ublk-ctl adopt does it, but for the number of the process. */
__attribute__((noreturn)) static void take_over(int asker)
{
	int says = life_says();

	dup2(says, STDERR_FILENO);
	asker = fcntl(asker, F_DUPFD, STATE_ASIDE);
	for (int i = 0; i < taken.count; i++)
		dup2(taken.fd[i], taken.number[i]);
	model_kept_by(getpid());
	calls_begin();
	_exit(-state_become(&taken.state, taken.saved, STATE_ADOPT, asker));
}

/* What the new keeper answers, and it is @life's. */
static int adopt(struct life *life, pid_t worker)
{
	pid_t asker, keeper = 0;
	int ends[2];

	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	CHECK(take_all(worker));
	asker = fork();
	if (!asker) {
		int fd = life_listen(), self = (int)syscall(SYS_pidfd_open, getpid(), 0);

		keeper = fork();
		if (!keeper)
			take_over(self);
		_exit(write(ends[1], &keeper, sizeof(keeper)) == sizeof(keeper) ? life_await_answer(fd) : 99);
	}
	CHECK_EQ(read(ends[0], &keeper, sizeof(keeper)), sizeof(keeper));
	close(ends[0]);
	close(ends[1]);
	drop_all();
	life->keeper = keeper;
	return life_answer(asker);
}

static void kill_keeper(struct life *life)
{
	model_kill(life->keeper, SIGKILL);
	CHECK_EQ(waitpid(life->keeper, NULL, 0), life->keeper);
}

/* What the model maps is memory. */
static void put_maps(pid_t worker, const char *text)
{
	char path[60];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)worker);
	calls_put(path, text);
}

static void adopted(void)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(life_kinds); kind++) {
		struct life life = life_of(&life_kinds[kind], NEWEST);

		if (kind == OVER_FILE)
			continue;
		life.load = life_load(&life_kinds[kind], 0, false);
		life_add_word(&life, "--supervise");
		life_begin(&life);
		CHECK(life_is_ready(&life));
		for (unsigned int i = 1; i <= UPGRADES; i++) {
			kill_keeper(&life);
			CHECK(model_is_live());
			put_maps(model_server(), "7f00-7f10 rw-s 0 00:05 1  /dev/ublkc0\n");
			CHECK_EQ(adopt(&life, model_server()), 0);
			CHECK_EQ(model_deaths(), i);
			CHECK(model_is_served());
		}
		load_end(life.load);
		CHECK(load_wait(life.load));
		life_end_well(&life);
		life_check_load(&life, "adopted");
	}
	calls_clear();
}

/* --- after both were killed, with what a service manager keeps ------------------------------------ */

static int manager;
static _Atomic int kept_count;		/* the manager's thread is another one */
static char manager_heard[4000];
static struct kept {
	char name[40];
	int fd;
} kept[TAKEN_MAX];

static void manager_keeps(const char *name, int fd, bool keep)
{
	for (int i = kept_count; i--;)
		if (!strcmp(kept[i].name, name)) {
			close(kept[i].fd);
			kept[i] = kept[--kept_count];
		}
	if (!keep || kept_count == TAKEN_MAX)
		return;
	snprintf(kept[kept_count].name, sizeof(kept[0].name), "%s", name);
	kept[kept_count++].fd = fd;
}

static void manager_hears(char *text, int fd)
{
	char *name = strstr(text, "FDNAME=");

	if (name) {
		name += strlen("FDNAME=");
		name[strcspn(name, "\n")] = '\0';
		manager_keeps(name, fd, !strncmp(text, "FDSTORE=1\n", strlen("FDSTORE=1\n")));
	} else {
		snprintf(manager_heard + strlen(manager_heard), sizeof(manager_heard) - strlen(manager_heard), "%s", text);
	}
}

/* As systemd: it reads what programs tell it, as they tell it. */
static void *be_manager(void *unused)
{
	for (;;) {
		_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
		char text[200];
		struct iovec to = { .iov_base = text, .iov_len = sizeof(text) - 1 };
		struct msghdr header = { .msg_iov = &to, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(manager, &header, MSG_CMSG_CLOEXEC);
		int fd = -1;

		if (n <= 0)
			return unused;
		text[n] = '\0';
		if (CMSG_FIRSTHDR(&header))
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(fd));
		manager_hears(text, fd);
	}
}

static pthread_t manager_thread;

static void start_manager(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/manager", life_dir);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	*manager_heard = '\0';
	pthread_create(&manager_thread, NULL, be_manager, NULL);
}

static void stop_manager(void)
{
	shutdown(manager, SHUT_RDWR);
	pthread_join(manager_thread, NULL);
	close(manager);
	unlink(getenv("NOTIFY_SOCKET"));
	unsetenv("NOTIFY_SOCKET");
	while (kept_count)
		manager_keeps(kept[0].name, -1, false);
}

/* The program, started by the manager with all that this has kept. Its exit status: then another process goes on. */
static int start_again(void)
{
	static char program_name[] = "ublk", *words[] = { program_name, NULL };
	char names[2000] = "", number[20];
	int status, says;
	pid_t pid = fork();

	if (pid) {
		waitpid(pid, &status, 0);
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}
	for (int i = 0; i < kept_count; i++) {
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ":" : "", kept[i].name);
		kept[i].fd = fcntl(kept[i].fd, F_DUPFD_CLOEXEC, 600);
	}
	syscall(SYS_close_range, 3, 599, 0);
	for (int i = 0; i < kept_count; i++)
		dup2(kept[i].fd, 3 + i);
	says = life_says();
	dup2(says, STDERR_FILENO);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	calls_begin();
	_exit(ublk_main(1, words));
}

/* Both are killed. */
static struct life begin_and_kill(struct load *load)
{
	struct life life = life_of(&life_kinds[MEM], NEWEST);

	life.load = load;
	life_add_word(&life, "--supervise");
	life_add_word(&life, "--name=a.life");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	kill_keeper(&life);
	CHECK(model_kill_server(SIGKILL));
	CHECK_EQ(model_state(), UBLK_S_DEV_QUIESCED);
	CHECK(COMES(kept_count > 2));
	return life;
}

static void kept_by_a_manager(void)
{
	struct life life;

	start_manager();
	life = begin_and_kill(life_load(&life_kinds[MEM], 0, false));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(start_again(), 0);
		CHECK(model_is_served());
		life.keeper = model_keeper();
		CHECK(COMES(strstr(manager_heard, "MAINPID=") && strstr(strstr(manager_heard, "MAINPID="), "READY=1")));
		*manager_heard = '\0';
		if (i)
			break;
		kill_keeper(&life);
		CHECK(model_kill_server(SIGKILL));
	}
	load_end(life.load);
	CHECK(load_wait(life.load));
	life_end_well(&life);
	life_check_load(&life, "kept");
	CHECK(COMES(kept_count == 2));
	for (int i = 0; i < kept_count; i++)			/* of what has other numbers here than it would have */
		CHECK(!strncmp(kept[i].name, "ublk-state.", 11) && atoi(kept[i].name + 11) != life.keeper);
	stop_manager();
}

static void kept_in_vain(void)
{
	struct life life;

	start_manager();
	life = begin_and_kill(NULL);
	calls_fail_times("fork", 0, 1, EAGAIN);
	CHECK_EQ(start_again(), STATUS_FAILED);
	CHECK(life_told("start a process with the number"));
	calls_fail_times("pread", 0, 1, EIO);
	CHECK_EQ(start_again(), STATUS_FAILED);
	CHECK(life_told("take what the last keeper left with the service manager"));
	model_halt();
	close(life.out);
	model_close();
	stop_manager();
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "a disk goes on as another program, on every kernel that can", upgraded },
		{ "so do disks of other kinds", others_upgraded },
		{ "and all that a disk can have", with_all_that_it_has },
		{ "a disk's command goes on with it", with_a_command },
		{ "who could not look into the keeper is refused", refused },
		{ "a program that cannot go on with the disk is not become", not_another_program },
		{ "nor one that hangs when it is tried", a_program_that_hangs },
		{ "a signal from anybody else means nothing", signals_of_nobody },
		{ "there are times for it", not_now },
		{ "whatever fails before, the disk goes on as it was", fails_before },
		{ "what the driver refuses", somebody_else_is_quicker },
		{ "a server is left alone rather than lost", left_alone },
		{ "a disk whose keeper was killed is adopted", adopted },
		{ "a disk whose processes were both killed goes on with what was kept", kept_by_a_manager },
		{ "or is left as it is", kept_in_vain },
	};
	int result;

	life_go_on(argc, argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	life_make_place();
	snprintf(tree, sizeof(tree), "%s/tree", life_dir);
	CHECK_EQ(mkdir(tree, 0700), 0);
	calls_root(tree);
	result = check_main(tests, ARRAY_SIZE(tests));
	calls_clear();
	CHECK_EQ(rmdir(tree), 0);
	life_leave_place();
	return result;
}
