#include "watch/bpf.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int
bpf_call(enum bpf_cmd command, union bpf_attr *attr)
{
    long result = syscall(SYS_bpf, command, attr, sizeof(*attr));

    return result < 0 ? -errno : (int)result;
}

int
bpf_load(const struct bpf_source *program, const uint32_t *values)
{
    struct bpf_insn insn[BPF_INSNS_MAX];
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = program->type;
    attr.insns = (uintptr_t)insn;
    attr.insn_cnt = (uint32_t)program->insns;
    attr.license = (uintptr_t) "Dual MIT/GPL"; /* of the instructions alone: else no kernel memory is read */
    for (size_t i = 0; i < program->insns; i++) {
        insn[i] = program->insn[i];
        if (insn[i].imm >= BPF_VALUES_FIRST) {
            insn[i].imm = (int32_t)values[insn[i].imm - BPF_VALUES_FIRST];
        }
    }
    return bpf_call(BPF_PROG_LOAD, &attr);
}
