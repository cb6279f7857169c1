# shellcheck shell=dash disable=SC2034,SC2154 # $case comes from run-cases; cases use what is set here
# SPDX-License-Identifier: MIT
#
# container.sh - containers for cases: what docker, podman or a kubelet would ask a runtime for, with crun as the runtime
#
#     . /tests/container.sh
#     like docker                               # its capabilities, its seccomp profile
#     may io_uring and devices                  # what the README tells people to add
#     expect_status 0 contained ublk-mem 16M -- true
#
# What a container is like stands in variables that begin with c_; like and may set them, and a case may do it itself.
# Its root holds nothing but the programs of this machine, and $case under the same path.

docker_rights="CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT
	KILL AUDIT_WRITE"
podman_rights="CHOWN DAC_OVERRIDE FSETID FOWNER SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL"

# like docker|podman|privileged|rootless
like() {
	requires crun
	modprobe ublk_drv
	c_user='' c_entered='' c_crun="crun --root /run/crun-case --cgroup-manager=cgroupfs"
	grep -q crun-case "$case/on_exit" || on_exit rm -rf /run/crun-case # after all that is noted from here on
	c_name=$(basename "$case") c_uid=0 c_read_only=true c_root=$case/root
	c_devices='' c_rules='' c_binds='' c_memory='' c_propagation=''
	c_rights=$docker_rights c_filter=$1
	case $1 in
	podman) c_rights=$podman_rights ;;
	privileged) privileged ;;
	rootless) rootless ;;
	esac
	make_root
}

# privileged: every capability and device, no filter, and a /dev of its own with what the host had when it began
privileged() {
	c_rights=$(capsh --print | sed -n 's/^Bounding set *=//p' | tr 'a-z,' 'A-Z ' | sed 's/CAP_//g')
	c_filter='' c_rules='{"allow": true, "access": "rwm"},'
	add_device /dev/ublk-control
}

# rootless: user 1000 starts it in a user namespace, as podman does, and is root there; nobody manages his cgroups
rootless() {
	mkdir -p "$case/crun"
	chown 1000:1000 "$case/crun"
	c_user="as_user env XDG_RUNTIME_DIR=$case/crun" c_crun="crun --root $case/crun --cgroup-manager=disabled"
	c_entered="unshare --user --map-root-user --mount"
	c_rights=$podman_rights c_filter=podman
}

# may io_uring|control|devices... - what people add: a profile, --device=/dev/ublk-control, and the two --device-cgroup-rule
may() {
	local what

	for what; do
		case $what in
		io_uring) c_filter=$c_filter+io_uring ;;
		control) add_device /dev/ublk-control ;;
		devices)
			add_rule c "$(char_major)" rwm
			add_rule b 259 rwm
			;;
		esac
	done
}

char_major() {
	awk '$2 == "ublk-char" { print $1 }' /proc/devices
}

# --- pieces of config.json: what is a list there is one here, with commas at the end

add_device() {
	local type major minor

	test -c "$1" && type=c || type=b
	major=$((0x$(stat -c %t "$1"))) minor=$((0x$(stat -c %T "$1")))
	c_devices="$c_devices{\"path\": \"${2:-$1}\", \"type\": \"$type\", \"major\": $major, \"minor\": $minor,
		\"fileMode\": 432, \"uid\": $c_uid, \"gid\": $c_uid},"
	add_rule $type $major rwm $minor
}

# add_rule TYPE MAJOR ACCESS [MINOR]
add_rule() {
	c_rules="$c_rules{\"allow\": true, \"type\": \"$1\", \"major\": $2, \"access\": \"$3\"${4:+, \"minor\": $4}},"
}

# add_bind SOURCE TARGET [OPTION...]
add_bind() {
	c_binds="$c_binds{\"type\": \"bind\", \"source\": \"$1\", \"destination\": \"$2\", \"options\": [\"rbind\"$(
		shift 2
		printf ', "%s"' "$@"
	)]},"
}

# words WORD... - as a list of JSON
words() {
	local word separator=''

	for word; do
		printf '%s"%s"' "$separator" "$(printf '%s' "$word" | sed 's/[\\"]/\\&/g; $!s/$/\\n/' | tr -d '\n\t')"
		separator=', '
	done
}

rights() {
	local right

	# shellcheck disable=SC2086 # one word for each
	set -- $c_rights
	for right; do
		shift
		set -- "$@" "CAP_$right"
	done
	words "$@"
}

rules() {
	printf '{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "access": "m"},
		{"allow": true, "type": "b", "access": "m"}'
	test -z "$c_rules" || printf ', %s' "${c_rules%,}"
}

seccomp() {
	case $c_filter in
	'' | +io_uring) ;;
	*) echo '"seccomp":' && cat "/usr/share/containers/$c_filter.json" && echo , ;;
	esac
}

namespaces() {
	printf '{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "network"},
		{"type": "cgroup"}'
}

config() {
	local held

	test "$c_uid" = 0 && held=$(rights) || held='' # as for every process that is not root's
	cat <<-END
		{
		"ociVersion": "1.0.2",
		"process": {
			"terminal": false,
			"user": {"uid": $c_uid, "gid": $c_uid},
			"args": [$(words "$@")],
			"env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
			"cwd": "/",
			"capabilities": {"bounding": [$(rights)], "effective": [$held], "permitted": [$held]},
			"noNewPrivileges": false
		},
		"root": {"path": "$c_root", "readonly": $c_read_only},
		"hostname": "container",
		"mounts": [
			{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
			{"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
			{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}${c_binds:+,}
			${c_binds%,}
		],
		"linux": {
			$(seccomp)
			"devices": [${c_devices%,}],
			"resources": {${c_memory:+\"memory\": {\"limit\": $c_memory\}, }"devices": [$(rules)]},
			"cgroupsPath": "/$c_name",
			${c_propagation:+\"rootfsPropagation\": \"$c_propagation\",}
			"namespaces": [$(namespaces)],
			"maskedPaths": ["/proc/kcore", "/proc/keys", "/sys/firmware"],
			"readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
		}
		}
	END
}

# --- running it

make_root() {
	local dir

	mkdir -p "$c_root/disk" "$c_root/hostdev" "$c_root/proc" "$c_root/sys" "$c_root/dev" "$c_root/usr" "$c_root/tmp" "$c_root$case"
	for dir in bin sbin lib lib64; do ln -sfn "usr/$dir" "$c_root/$dir"; done
	add_bind /usr /usr ro
	add_bind "$case" "$case" rw
}

# contained CMD... - until it ends; exit status and output are those of CMD
contained() {
	bundle=$(mktemp -d "$case/bundle.XXXXXX")
	chmod 755 "$bundle"
	config "$@" >"$bundle/config.json"
	# there is no pivot_root from the first root of a machine
	# shellcheck disable=SC2086 # each is several words
	$c_user $c_entered $c_crun run --no-pivot --bundle "$bundle" "$c_name" </dev/null
}

# in_container CMD... - beside what runs there
in_container() {
	# shellcheck disable=SC2086
	$c_user $c_crun exec --user "$c_uid:$c_uid" "$c_name" "$@"
}

# begun PID - the one to stop is the one that crun with this number runs
begun() {
	container=$1
	# shellcheck disable=SC2086 # it is several words
	on_exit "$(quoted $c_user $c_crun delete --force "$c_name") 2>/dev/null || true"
}

# start_contained CMD... - in the background, until it says that there is a disk: its path is then in $disk
start_contained() {
	mkfifo "$case/$c_name.ready"
	contained "$@" >"$case/$c_name.ready" 2>"$case/$c_name.said" &
	begun $!
	read -r disk <"$case/$c_name.ready" || fail "the container ended without a disk: $(cat "$case/$c_name.said")"
}

# stop_contained - as engines do; the server in it must end well
stop_contained() {
	local status=0

	# shellcheck disable=SC2086
	$c_user $c_crun kill "$c_name" TERM
	wait "$container" || status=$?
	test $status = 0 || fail "exit status $status: $(cat "$case/$c_name.said")"
}

nothing_left() {
	expect "$(ublk-ctl list -n)" = ""
	expect -z "$(ls /sys/class/ublk-char)"
}
