/* An emulator's plugin that counts what a 64-bit ARM program does between two marks: instructions, loads and stores, as the
 * emulator splits them. Each region is one line of the file that the argument `out=FILE` names.
 *
 * Marks are hints that real processors run as no operation: `hint #126` begins a region, `hint #127` ends it. Threads share
 * the counters: measure with one.
 *
 * Written against version 1 of the plugin interface of QEMU (7.2). Debian ships no header of it, so that what is used is
 * declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0, READS_AND_WRITES = 3, ADD = 0 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*)(uint64_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *, uint64_t);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, void (*)(unsigned, uint32_t, uint64_t, void *),
                                             int, int, void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
extern bool qemu_plugin_mem_is_store(uint32_t);

EXPORT int qemu_plugin_version = 1;

enum { BEGIN = 0xd5032fdf, END = 0xd5032fff };

/* Everything since the start; a region is a difference. */
static struct count {
    uint64_t instructions, loads, stores;
} now, first;
static FILE *out;

static void on_begin(unsigned cpu, void *unused) {
    first = now;
}

static void on_end(unsigned cpu, void *unused) {
    fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", now.instructions - first.instructions, now.loads - first.loads,
            now.stores - first.stores);
    fflush(out);
}

/* Accesses are told apart here: inline counters of this version mistake one for the other. */
static void on_access(unsigned cpu, uint32_t info, uint64_t address, void *unused) {
    if (qemu_plugin_mem_is_store(info)) now.stores++;
    else now.loads++;
}

static uint32_t word_of(const struct qemu_plugin_insn *instruction) {
    uint32_t word;
    memcpy(&word, qemu_plugin_insn_data(instruction), sizeof word);
    return word;
}

/* A block with a mark in it is counted by instruction, any other one as a whole. */
static void on_translation(uint64_t id, struct qemu_plugin_tb *block) {
    size_t length = qemu_plugin_tb_n_insns(block);
    bool marked = false;
    for (size_t i = 0; i < length; i++) {
        uint32_t word = word_of(qemu_plugin_tb_get_insn(block, i));
        marked |= word == BEGIN || word == END;
    }
    if (!marked) qemu_plugin_register_vcpu_tb_exec_inline(block, ADD, &now.instructions, length);
    for (size_t i = 0; i < length; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        uint32_t word = word_of(instruction);
        if (word == BEGIN) qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, NO_REGISTERS, NULL);
        if (word == END) qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, NO_REGISTERS, NULL);
        if (marked) qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD, &now.instructions, 1);
        qemu_plugin_register_vcpu_mem_cb(instruction, on_access, NO_REGISTERS, READS_AND_WRITES, NULL);
    }
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
    for (int i = 0; i < argc; i++)
        if (!strncmp(argv[i], "out=", 4)) out = fopen(argv[i] + 4, "w");
    if (!out) {
        fprintf(stderr, "the plugin needs out=FILE, a file that it can write\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
