/* SPDX-License-Identifier: MIT */
/* tree.c - from a list of paths to directories */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "applets/zip/names.h"
#include "applets/zip/sort.h"
#include "applets/zip/tree.h"
#include "core/log.h"
#include "core/util.h"

#define NONE UINT32_MAX
#define DEPTH_MAX 512		/* of directories: two bytes of a name make one, and it takes a hundred bytes */
#define TOLD_MAX 10		/* of a kind, then no more */
#define OWNERS_MAX 65535
#define OWNER_SLOTS (2 * (OWNERS_MAX + 1))

/* While the tree grows: directories by their parent and name. */
struct lookup {
	uint32_t *slots;		/* nodes, NONE: free */
	uint32_t size, used;		/* a power of two; at most half of it */
	uint64_t seed;			/* nobody can make an archive whose names all meet in one slot */
};

struct builder {
	struct tree *tree;
	const struct tree_policy *policy;
	struct lookup lookup;
	uint16_t *owners;		/* OWNER_SLOTS: what they are in tree.owners, plus one; 0: free */
	uint32_t doubles, clashes;
	uint64_t header, furthest;	/* with policy->only: of the last member, and where the data of all so far ends */
	char shown[NAME_SHOWN_MAX];
};

static int no_memory(void)
{
	return fail(-ENOMEM, "get memory for the files and directories of the archive");
}

/* --- memory that grows -------------------------------------------------------------- */

/* Room for one more of @size bytes; by half as much again, so that all that is copied stays in proportion. */
static int make_room(void **things, uint32_t count, uint32_t *room, size_t size)
{
	uint64_t wanted = (uint64_t)*room + *room / 2 + 64;
	void *more;

	if (count < *room)
		return 0;
	wanted = min_u64(wanted, UINT32_MAX);
	more = count < wanted ? realloc(*things, wanted * size) : NULL;
	if (!more)
		return no_memory();
	*things = more;
	*room = (uint32_t)wanted;
	return 0;
}

static int add_name(struct names *names, const char *name, uint32_t length, uint32_t *at)
{
	if (names->length + length >= names->room) {
		uint64_t room = names->room + names->room / 2 + 4096;
		char *more = room <= UINT32_MAX ? realloc(names->bytes, room) : NULL;

		if (!more)
			return no_memory();
		names->bytes = more;
		names->room = room;
	}
	memcpy(names->bytes + names->length, name, length);
	*at = (uint32_t)names->length;
	names->length += length;
	return 0;
}

/* The slot of this owner, or the free one that it would take. */
static uint16_t *owner_slot(const struct builder *b, uint32_t uid, uint32_t gid)
{
	uint64_t hash = (b->lookup.seed ^ ((uint64_t)uid << 32 | gid)) * 0x9e3779b97f4a7c15ULL;
	const struct ids *owners = b->tree->owners;
	uint32_t i = (uint32_t)(hash >> 32) % OWNER_SLOTS;

	while (b->owners[i] && (owners[b->owners[i] - 1].uid != uid || owners[b->owners[i] - 1].gid != gid))
		i = (i + 1) % OWNER_SLOTS;
	return &b->owners[i];
}

static int add_owner(struct builder *b, uint32_t uid, uint32_t gid, uint16_t *owner)
{
	struct tree *tree = b->tree;
	uint16_t *slot = owner_slot(b, uid, gid);
	void *owners = tree->owners;

	if (!*slot) {
		if (tree->owner_count == OWNERS_MAX)
			return fail_plain(-EINVAL, "its files belong to too many users; --owner=root gives them all to root");
		if (make_room(&owners, tree->owner_count, &tree->owner_room, sizeof(*tree->owners)))
			return -ENOMEM;
		tree->owners = owners;
		tree->owners[tree->owner_count++] = (struct ids){ .uid = uid, .gid = gid };
		*slot = (uint16_t)tree->owner_count;
	}
	*owner = (uint16_t)(*slot - 1);
	return 0;
}

/* --- nodes ------------------------------------------------------------------------------ */

static int64_t add_node(struct builder *b, uint32_t parent, const char *name, uint32_t length)
{
	struct tree *tree = b->tree;
	void *nodes = tree->nodes;
	uint32_t at = 0;

	if (tree->count >= b->policy->max_nodes) {
		fail_plain(-EINVAL, "it holds more than %" PRIu32 " files and directories", b->policy->max_nodes);
		remedy("--max-entries=N allows more, and each takes some 100 bytes of memory");
		return -EINVAL;
	}
	if (make_room(&nodes, tree->count, &tree->room, sizeof(*tree->nodes)))
		return -ENOMEM;
	tree->nodes = nodes;
	if (add_name(&tree->names, name, length, &at))
		return -ENOMEM;
	tree->nodes[tree->count] = (struct node){ .parent = parent, .name = at, .name_length = (uint8_t)length };
	return tree->count++;
}

static uint64_t pack_time(int64_t seconds, uint32_t nanoseconds)
{
	const int64_t most = (1LL << 33) - 1;

	seconds = seconds > most ? most : seconds < -most ? -most : seconds;
	return (uint64_t)seconds << 30 | nanoseconds;
}

static int set_attributes(struct builder *b, struct node *node, const struct entry *entry)
{
	node->mode = (uint16_t)entry->mode;
	node->when = pack_time(entry->mtime, entry->mtime_nsec);
	return add_owner(b, entry->uid, entry->gid, &node->owner);
}

/* --- directories --------------------------------------------------------------------------- */

static uint32_t slot_of(const struct lookup *lookup, uint32_t parent, const char *name, uint32_t length)
{
	uint64_t hash = (lookup->seed ^ parent) * 0x9e3779b97f4a7c15ULL;

	for (uint32_t i = 0; i < length; i++)
		hash = ((hash << 23 | hash >> 41) ^ (unsigned char)name[i]) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(hash >> 32) & (lookup->size - 1);
}

static bool is_child(const struct tree *tree, uint32_t number, uint32_t parent, const char *name, uint32_t length)
{
	const struct node *node = &tree->nodes[number];

	return node->parent == parent && node->name_length == length && !memcmp(node_name(tree, node), name, length);
}

/* The slot that holds this directory, or the free one that it would take. */
static uint32_t *look_up(const struct builder *b, uint32_t parent, const char *name, uint32_t length)
{
	const struct lookup *lookup = &b->lookup;
	uint32_t i = slot_of(lookup, parent, name, length);

	while (lookup->slots[i] != NONE && !is_child(b->tree, lookup->slots[i], parent, name, length))
		i = (i + 1) & (lookup->size - 1);
	return &lookup->slots[i];
}

static int grow_lookup(struct builder *b)
{
	struct lookup old = b->lookup;

	b->lookup.size = old.size ? old.size * 2 : 1024;
	b->lookup.slots = malloc((size_t)b->lookup.size * sizeof(uint32_t));
	if (!b->lookup.slots) {
		b->lookup = old;
		return no_memory();
	}
	memset(b->lookup.slots, 0xff, (size_t)b->lookup.size * sizeof(uint32_t));
	for (uint32_t i = 0; i < old.size; i++) {
		const struct node *node;

		if (old.slots[i] == NONE)
			continue;
		node = &b->tree->nodes[old.slots[i]];
		*look_up(b, node->parent, node_name(b->tree, node), node->name_length) = old.slots[i];
	}
	free(old.slots);
	return 0;
}

/* The directory @name in @parent, made if it is not there. */
static int64_t directory(struct builder *b, uint32_t parent, const char *name, uint32_t length)
{
	uint32_t *slot;
	int64_t node;

	if (b->lookup.used >= b->lookup.size / 2 && grow_lookup(b))
		return -ENOMEM;
	slot = look_up(b, parent, name, length);
	if (*slot != NONE)
		return *slot;
	node = add_node(b, parent, name, length);
	if (node < 0)
		return node;
	b->tree->nodes[node].mode = S_IFDIR | 0755;
	*slot = (uint32_t)node;
	b->lookup.used++;
	return node;
}

/* --- entries -------------------------------------------------------------------------------- */

/* The directory that an entry is in; *name becomes what is left of its path. */
static int64_t parent_of(struct builder *b, const char **name)
{
	int64_t parent = NODE_ROOT;
	uint32_t depth = 0;
	const char *slash;

	while (parent >= 0 && (slash = strchr(*name, '/'))) {
		if (++depth > DEPTH_MAX)
			return fail_plain(-EINVAL, "it holds directories more than %d deep", DEPTH_MAX);
		parent = directory(b, (uint32_t)parent, *name, (uint32_t)(slash - *name));
		*name = slash + 1;
	}
	return parent;
}

static void tell_double(struct builder *b, uint32_t node)
{
	if (b->doubles++ < TOLD_MAX)
		warn("%s is there more than once: the last one counts%s", tree_shown(b->tree, node, b->shown),
		     b->doubles == TOLD_MAX ? " (and so on)" : "");
}

static int add_directory(struct builder *b, uint32_t parent, const char *name, const struct entry *entry)
{
	int64_t node = *name ? directory(b, parent, name, (uint32_t)strlen(name)) : NODE_ROOT;

	if (node < 0)
		return (int)node;
	if (b->tree->nodes[node].flags & NODE_EXPLICIT)
		tell_double(b, (uint32_t)node);
	b->tree->nodes[node].flags |= NODE_EXPLICIT;
	return set_attributes(b, &b->tree->nodes[node], entry);
}

static uint8_t flags_of(const struct entry *entry)
{
	return (uint8_t)((entry->method == METHOD_DEFLATED ? NODE_DEFLATED : 0) | (entry->flags & 1 << 3 ? NODE_DESCRIPTOR : 0) |
			 (entry->flags & 1 << 11 ? NODE_UTF8 : 0) | (entry->unreadable ? NODE_UNREADABLE : 0));
}

static int add_member(struct builder *b, uint32_t parent, const char *name, const struct entry *entry)
{
	int64_t number = add_node(b, parent, name, (uint32_t)strlen(name));
	struct node *node;

	if (number < 0)
		return (int)number;
	node = &b->tree->nodes[number];
	node->header = entry->header;
	node->packed = entry->packed;
	node->size = entry->size;
	node->crc = entry->crc;
	node->raw_crc = entry->raw_crc;
	node->raw_length = entry->raw_length;
	node->flags = flags_of(entry);
	return set_attributes(b, node, entry);
}

/* The kernel takes no longer one, and an empty one leads nowhere. */
static bool is_bad_link(const struct entry *entry)
{
	return S_ISLNK(entry->mode) && (!entry->size || entry->size > ARCHIVE_PATH_MAX);
}

/* 0: it can be added; 1: it is left out. */
static int check_entry(struct builder *b, const struct entry *entry)
{
	char shown[NAME_SHOWN_MAX];
	const char *why = is_bad_link(entry) ? "it is a symbolic link to nothing, or to a name of over 4095 bytes" :
			  entry->raw_length > ARCHIVE_PATH_MAX ? "its name has over 4095 bytes" : NULL;

	if (!why)
		return 0;
	if (b->policy->skip_bad_names) {
		if (b->clashes++ < TOLD_MAX)
			warn("left out: %s: %s", name_shown(shown, entry->name, entry->name_length), why);
		return 1;
	}
	fail_plain(-EINVAL, "%s cannot be served: %s", name_shown(shown, entry->name, entry->name_length), why);
	remedy("--bad-names=skip leaves such entries out");
	return -EINVAL;
}

/* Is it, or is it above or below, what alone is of interest? */
static bool is_wanted(const struct builder *b, const struct entry *entry)
{
	const char *only = b->policy->only;
	size_t length = only ? strlen(only) : 0, both = (size_t)min_u64(length, entry->name_length);

	if (!only || memcmp(only, entry->name, both))
		return !only;
	return length == entry->name_length || (length > both ? only : entry->name)[both] == '/';
}

/* Those that are not kept are in order as nearly all are, each behind the one before: then none overlap. */
static bool in_order(struct builder *b, const struct entry *entry)
{
	uint64_t end = entry->header + LOCAL_HEADER + entry->raw_length + entry->packed;

	if (!b->policy->only || b->policy->allow_overlap || S_ISDIR(entry->mode))
		return true;
	if (entry->header < b->furthest && entry->header != b->header)
		return false;
	b->header = entry->header;
	b->furthest = max_u64(b->furthest, end);
	return true;
}

static int add_entry(struct builder *b, const struct entry *entry)
{
	const char *name = entry->name;
	int64_t parent;
	int err = check_entry(b, entry);

	if (err)
		return err < 0 ? err : 0;
	if (!in_order(b, entry))
		return -EAGAIN;
	if (!is_wanted(b, entry))
		return 0;
	parent = parent_of(b, &name);
	if (parent < 0)
		return (int)parent;
	return S_ISDIR(entry->mode) ? add_directory(b, (uint32_t)parent, name, entry)
				    : add_member(b, (uint32_t)parent, name, entry);
}

static int add_entries(struct builder *b, struct archive *archive)
{
	struct entry entry;
	int more, err = 0;

	while (!err && (more = archive_next(archive, &entry)) != 0)
		err = more < 0 ? more : add_entry(b, &entry);
	return err;
}

/* --- children of a directory, by name ------------------------------------------------------------ */

int names_order(const char *a, uint32_t a_length, const char *b, uint32_t b_length)
{
	int order = memcmp(a, b, (size_t)min_u64(a_length, b_length));

	return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int by_name(const void *things, uint32_t a, uint32_t b)
{
	const struct tree *tree = things;
	const struct node *x = &tree->nodes[a], *y = &tree->nodes[b];

	return names_order(node_name(tree, x), x->name_length, node_name(tree, y), y->name_length);
}

/* All of a directory's children together, in the order in which they came. */
static void gather_children(struct tree *tree)
{
	uint32_t next = 0;

	for (uint32_t i = 1; i < tree->count; i++)
		tree->nodes[tree->nodes[i].parent].children++;
	for (uint32_t i = 0; i < tree->count; i++) {
		if (!node_is_directory(&tree->nodes[i]))
			continue;
		tree->nodes[i].first = next;
		next += tree->nodes[i].children;
		tree->nodes[i].children = 0;
	}
	for (uint32_t i = 1; i < tree->count; i++) {
		struct node *parent = &tree->nodes[tree->nodes[i].parent];

		tree->order[parent->first + parent->children++] = i;
	}
}

/* Which of two nodes of one name is left: 1 the second, 0 the first, or -errno. */
static int choose(struct builder *b, uint32_t first, uint32_t second)
{
	bool is_directory[] = { node_is_directory(&b->tree->nodes[first]), node_is_directory(&b->tree->nodes[second]) };

	if (is_directory[0] == is_directory[1]) {	/* directories are never there twice */
		tell_double(b, second);
		return 1;
	}
	tree_shown(b->tree, second, b->shown);
	if (!b->policy->skip_bad_names) {
		fail_plain(-EINVAL, "%s is both a file and a directory", b->shown);
		remedy("--bad-names=skip leaves the file out");
		return -EINVAL;
	}
	if (b->clashes++ < TOLD_MAX)
		warn("left out: the file %s, which is also a directory%s", b->shown, b->clashes == TOLD_MAX ? " (and so on)" : "");
	return is_directory[1];
}

/* What is there twice is there once from now on. */
static int settle(struct builder *b, struct node *parent)
{
	uint32_t *order = b->tree->order + parent->first, kept = 0;

	for (uint32_t i = 0; i < parent->children; i++) {
		int second;

		if (!kept || by_name(b->tree, order[kept - 1], order[i])) {
			order[kept++] = order[i];
			continue;
		}
		second = choose(b, order[kept - 1], order[i]);
		if (second < 0)
			return second;
		if (second)
			order[kept - 1] = order[i];
	}
	parent->children = kept;
	return 0;
}

static void count_links(struct tree *tree)
{
	for (uint32_t i = 0; i < tree->count; i++)
		if (node_is_directory(&tree->nodes[i])) {
			tree->nodes[i].links += 2;
			if (i != NODE_ROOT)
				tree->nodes[tree->nodes[i].parent].links++;
		}
}

static int sort_children(struct builder *b, uint32_t *spare)
{
	struct tree *tree = b->tree;
	int err = 0;

	gather_children(tree);
	for (uint32_t i = 0; i < tree->count && !err; i++) {
		struct node *node = &tree->nodes[i];

		if (!node_is_directory(node))
			continue;
		sort_numbers(tree->order + node->first, node->children, spare, by_name, tree);
		err = settle(b, node);
	}
	count_links(tree);
	return err;
}

/* --- members, as they lie in the archive ------------------------------------------------------------ */

static int by_header(const void *things, uint32_t a, uint32_t b)
{
	const struct tree *tree = things;
	uint64_t x = tree->nodes[a].header, y = tree->nodes[b].header;

	return (x > y) - (x < y);
}

/* The least that a member takes: its local header may say that there is more between the name and the data. */
static uint64_t end_of(const struct node *node)
{
	return node->header + LOCAL_HEADER + node->raw_length + node->packed;
}

static int tell_overlap(struct builder *b, uint32_t first, uint32_t second)
{
	char other[NAME_SHOWN_MAX];

	tree_shown(b->tree, first, b->shown);
	tree_shown(b->tree, second, other);
	if (b->policy->allow_overlap)
		return 0;
	fail_plain(-EINVAL, "%s and %s share bytes of the archive, which is damaged or meant to deceive", b->shown, other);
	remedy("--overlap=allow serves it all the same");
	return -EINVAL;
}

/* Two names for the very same member are fine. */
static int check_overlap(struct builder *b)
{
	const struct tree *tree = b->tree;
	uint32_t furthest = NONE;
	int err = 0;

	for (uint32_t i = 0; i < tree->member_count && !err; i++) {
		const struct node *node = &tree->nodes[tree->members[i]];
		const struct node *before = furthest == NONE ? node : &tree->nodes[furthest];

		if (node->header != before->header && node->header < end_of(before))
			err = tell_overlap(b, furthest, tree->members[i]);
		if (furthest == NONE || end_of(node) > end_of(before))
			furthest = tree->members[i];
	}
	return err;
}

static int sort_members(struct builder *b, uint32_t *spare)
{
	struct tree *tree = b->tree;

	for (uint32_t i = 0; i < tree->count; i++)
		if (!node_is_directory(&tree->nodes[i]))
			tree->members[tree->member_count++] = i;
	sort_numbers(tree->members, tree->member_count, spare, by_header, tree);
	return check_overlap(b);
}

/* --- all of it ------------------------------------------------------------------------------------------ */

static int finish(struct builder *b)
{
	struct tree *tree = b->tree;
	uint32_t *spare = malloc((size_t)tree->count * sizeof(*spare));
	int err;

	tree->order = malloc((size_t)tree->count * sizeof(*tree->order));
	tree->members = malloc((size_t)tree->count * sizeof(*tree->members));
	if (!spare || !tree->order || !tree->members)
		err = no_memory();
	else
		err = sort_children(b, spare);
	if (!err)
		err = sort_members(b, spare);
	free(spare);
	return err;
}

static int plant(struct builder *b)
{
	int64_t root = add_node(b, NODE_ROOT, "", 0);
	uint16_t owner;

	if (root < 0)
		return (int)root;
	b->tree->nodes[root].mode = S_IFDIR | 0755;
	return add_owner(b, 0, 0, &owner);	/* the first one: whose the directories are that no entry stands for */
}

/* #syscalls:opening getrandom */
int tree_open(struct tree *tree, struct archive *archive, const struct tree_policy *policy)
{
	struct builder b = { .tree = tree, .policy = policy };
	int err;

	*tree = (struct tree){ 0 };
	b.owners = pages_get(OWNER_SLOTS * sizeof(*b.owners));
	if (!b.owners)
		return no_memory();
	if (getrandom(&b.lookup.seed, sizeof(b.lookup.seed), GRND_NONBLOCK) < 0)
		b.lookup.seed = ptr_to_u64(&b);		/* early in the boot; an address is no bad secret */
	err = plant(&b);
	if (!err)
		err = add_entries(&b, archive);
	free(b.lookup.slots);
	pages_free(b.owners, OWNER_SLOTS * sizeof(*b.owners));
	return err ? err : finish(&b);
}

void tree_close(struct tree *tree)
{
	free(tree->nodes);
	free(tree->names.bytes);
	free(tree->order);
	free(tree->members);
	free(tree->owners);
	*tree = (struct tree){ 0 };
}

/* --- looking at it ----------------------------------------------------------------------------------------- */

struct local node_local(const struct node *node)
{
	return (struct local){
		.header = node->header,
		.packed = node->packed,
		.size = node->size,
		.crc = node->crc,
		.raw_crc = node->raw_crc,
		.raw_length = node->raw_length,
		.method = node->flags & NODE_DEFLATED ? METHOD_DEFLATED : METHOD_STORED,
		.flags = (uint16_t)((node->flags & NODE_DESCRIPTOR ? 1 << 3 : 0) | (node->flags & NODE_UTF8 ? 1 << 11 : 0)),
	};
}

const char *tree_path(const struct tree *tree, uint32_t number, char *to, uint32_t limit)
{
	char *at = to + limit - 1;

	*at = '\0';
	for (; number != NODE_ROOT && at > to; number = tree->nodes[number].parent) {
		const struct node *node = &tree->nodes[number];

		if (*at)
			*--at = '/';
		for (uint32_t i = node->name_length; i && at > to; i--)
			*--at = node_name(tree, node)[i - 1];
	}
	return memmove(to, at, (size_t)(to + limit - at));
}

const char *tree_shown(const struct tree *tree, uint32_t number, char shown[NAME_SHOWN_MAX])
{
	char path[ARCHIVE_PATH_MAX + 1];

	if (number == NODE_ROOT)
		return "the top directory";
	tree_path(tree, number, path, sizeof(path));
	return name_shown(shown, path, strlen(path));
}

/* The child of that name, or the root if there is none: it is nobody's child. */
static uint32_t child(const struct tree *tree, const struct node *parent, const char *name, uint32_t length)
{
	uint32_t low = 0, high = parent->children;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2, number = tree->order[parent->first + middle];
		const struct node *node = &tree->nodes[number];
		int order = names_order(name, length, node_name(tree, node), node->name_length);

		if (!order)
			return number;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NODE_ROOT;
}

int64_t tree_find(const struct tree *tree, const char *path)
{
	uint32_t number = NODE_ROOT;

	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		uint32_t length = (uint32_t)strcspn(path, "/");

		if (!node_is_directory(&tree->nodes[number]))
			return -ENOENT;
		number = child(tree, &tree->nodes[number], path, length);
		if (number == NODE_ROOT)
			return -ENOENT;
		path += length;
	}
	return number;
}
