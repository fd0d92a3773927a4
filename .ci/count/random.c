/* Preloaded into a program that is counted: its random numbers are the same in each run, and with them the order of its
 * hash tables. */
#include <stddef.h>
#include <sys/types.h>

ssize_t getrandom(void *buffer, size_t length, unsigned flags) {
    for (size_t i = 0; i < length; i++) ((unsigned char *)buffer)[i] = (unsigned char)(i * 37 + 11);
    return (ssize_t)length;
}

int getentropy(void *buffer, size_t length) {
    getrandom(buffer, length, 0);
    return 0;
}
