/* SPDX-License-Identifier: MIT */
/* words.h - the arguments that this program was started with */
#ifndef CORE_WORDS_H
#define CORE_WORDS_H

/* To be noted before anybody sorts them. 0 or -errno, said. */
int words_note(char *const *words);
char *const *words_noted(void);
/* Let the first of them begin with @sign, and so does what is seen of this process; the program knows itself all the same. */
void words_rename(char sign);

#endif
