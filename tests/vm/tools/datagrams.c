/* SPDX-License-Identifier: MIT */
/*
 * datagrams SOCKET - a line "listening", then a line for each datagram that
 * comes to the Unix socket SOCKET, until somebody ends us
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[4096];
	ssize_t n;

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path) || fd < 0)
		return 2;
	strcpy(address.sun_path, argv[1]);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(argv[1]);
		return 1;
	}
	n = write(STDOUT_FILENO, "listening\n", 10);
	while (n > 0) {
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n > 0 && text[n - 1] != '\n')
			text[n++] = '\n';
		if (n > 0)
			n = write(STDOUT_FILENO, text, (size_t)n);
	}
	return 1;
}
