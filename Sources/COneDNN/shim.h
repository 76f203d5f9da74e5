#include <oneapi/dnnl/dnnl.h>
// Of the OpenMP run time that oneDNN is built with; sets the calling thread's own number.
extern void omp_set_num_threads(int count);
// Exported beside dnnl_sgemm in versions 1 to 3 but left out of their header: row-major factors of bfloat16, sums of float.
extern dnnl_status_t dnnl_gemm_bf16bf16f32(char transa, char transb, dnnl_dim_t M, dnnl_dim_t N, dnnl_dim_t K, float alpha,
                                           const uint16_t *A, dnnl_dim_t lda, const uint16_t *B, dnnl_dim_t ldb,
                                           float beta, float *C, dnnl_dim_t ldc);
