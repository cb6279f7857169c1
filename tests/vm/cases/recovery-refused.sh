# SPDX-License-Identifier: MIT
about "what cannot be recovered is refused: disks of users, writes that only the server had"

truncate -s 16M "$case/file"
expect_status 2 ublk-file "$case/file" --cow --supervise
expect_said 'cow and --recovery exclude each other'
expect_status 2 sh -c 'cat /dev/null | ublk-mem --image=- --supervise'
expect_said 'an image from a pipe needs a --size'
expect_status 2 ublk-mem 16M --recovery=sometimes
let_users_in
expect_status 3 as_user ublk-mem 16M --supervise
expect_said 'only disks that root makes'
