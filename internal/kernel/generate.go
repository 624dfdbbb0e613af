package kernel

//go:generate go run -C _asm ./gemm -dir ..
//go:generate go run -C _asm ./attention -dir ..
//go:generate go run -C _asm ./elem -dir ..
