// The wine of Debian 12 has no bcryptprimitives.dll, and so no ProcessPrng, which every program of Rust for Windows asks for its
// random bytes. Windows has it. This is for trials in wine only, and in no release.

#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) {
  // Another call of Windows that gives random bytes, which wine has.
  return RtlGenRandom(bytes, (ULONG)count);
}
