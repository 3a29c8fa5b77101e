/* Heads of the journal and proofs that lead to them, as files, judged without a daemon. */
#ifndef CLI_PROOF_H
#define CLI_PROOF_H

#include "cli/signer.h"

/* Whether the file is meant to be a head, a note or a proof. */
bool proof_is_one(struct bytes file);
/* Judges it with --proof, --older and --origin and tells the verdict; the exit code. */
int proof_verify(struct cli *cli, const struct signers *signers, struct bytes file);

#endif
