/* Whether this processor can run the rest of the library. Compiled for any processor. */
__attribute__((visibility("default"))) int liuli_supported(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 1;
#endif
}
