#ifndef WATCH_BPF_H
#define WATCH_BPF_H
/*
 * bpf - small programs that the kernel runs for the agent
 *
 * The instructions are written as the kernel's own sources write them (include/linux/filter.h). Loading takes
 * CAP_SYS_ADMIN, of network programs CAP_NET_ADMIN too.
 */
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#define BPF_INSN(CODE, DST, SRC, OFF, IMM)                                             \
    {                                                                                  \
        .code = (CODE), .dst_reg = (DST), .src_reg = (SRC), .off = (OFF), .imm = (IMM) \
    }
#define BPF_MOV64_REG(DST, SRC) BPF_INSN(BPF_ALU64 | BPF_MOV | BPF_X, DST, SRC, 0, 0)
#define BPF_MOV64_IMM(DST, IMM) BPF_INSN(BPF_ALU64 | BPF_MOV | BPF_K, DST, 0, 0, IMM)
#define BPF_MOV32_IMM(DST, IMM) BPF_INSN(BPF_ALU | BPF_MOV | BPF_K, DST, 0, 0, IMM)
#define BPF_ALU64_IMM(OP, DST, IMM) BPF_INSN(BPF_ALU64 | (OP) | BPF_K, DST, 0, 0, IMM)
#define BPF_ENDIAN(TYPE, DST, LEN) BPF_INSN(BPF_ALU | BPF_END | (TYPE), DST, 0, 0, LEN)
#define BPF_LDX_MEM(SIZE, DST, SRC, OFF) BPF_INSN(BPF_LDX | BPF_MEM | (SIZE), DST, SRC, OFF, 0)
#define BPF_STX_MEM(SIZE, DST, SRC, OFF) BPF_INSN(BPF_STX | BPF_MEM | (SIZE), DST, SRC, OFF, 0)
#define BPF_ATOMIC_ADD(SIZE, DST, SRC, OFF) BPF_INSN(BPF_STX | 0xc0 | (SIZE), DST, SRC, OFF, BPF_ADD)
#define BPF_JMP_IMM(OP, DST, IMM, OFF) BPF_INSN(BPF_JMP | (OP) | BPF_K, DST, 0, OFF, IMM)
#define BPF_JMP_REG(OP, DST, SRC, OFF) BPF_INSN(BPF_JMP | (OP) | BPF_X, DST, SRC, OFF, 0)
#define BPF_EMIT_CALL(FUNC) BPF_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, FUNC)
#define BPF_EXIT_INSN() BPF_INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Two instructions each: a map; the only element of an array. */
#define BPF_LD_MAP_FD(DST, FD) \
    BPF_INSN(BPF_LD | BPF_DW | BPF_IMM, DST, BPF_PSEUDO_MAP_FD, 0, FD), BPF_INSN(0, 0, 0, 0, 0)
#define BPF_LD_MAP_VALUE(DST, FD) \
    BPF_INSN(BPF_LD | BPF_DW | BPF_IMM, DST, BPF_PSEUDO_MAP_VALUE, 0, FD), BPF_INSN(0, 0, 0, 0, 0)

/* For .imm, of what is known only when the program is loaded: the number-th of bpf_load()'s values. */
#define BPF_VALUE(NUMBER) (BPF_VALUES_FIRST + (NUMBER))
#define BPF_VALUES_FIRST 0x7fff0000
#define BPF_INSNS_MAX 96

/* What the call returns, or -errno. All of `attr` is given: cleared by memset(), as an initialiser of a union
 * clears one member only (C11 6.7.9, GCC 15). */
int bpf_call(enum bpf_cmd command, union bpf_attr *attr);

struct bpf_source {
    enum bpf_prog_type type;
    const struct bpf_insn *insn;
    size_t insns; /* at most BPF_INSNS_MAX */
};

/* A descriptor, or -errno. */
int bpf_load(const struct bpf_source *program, const uint32_t *values);

#endif
