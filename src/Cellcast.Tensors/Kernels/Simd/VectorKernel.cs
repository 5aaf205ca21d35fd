using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>A piece of block work that is written once for every vector width.</summary>
internal interface IVectorKernel
{
    /// <summary>Runs one block with vectors of type <typeparamref name="T"/>.</summary>
    void Run<T>(int block) where T : struct, IVec<T>;
}

/// <summary>Runs an <see cref="IVectorKernel"/> at the widest vectors of this machine. The choice is a constant for the compiler.</summary>
internal struct VectorWork<TKernel>(TKernel kernel) : IBlockWork where TKernel : struct, IVectorKernel
{
    private TKernel _kernel = kernel;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run(int block)
    {
        if (MachineVectors.Is512) _kernel.Run<F512>(block);
        else if (MachineVectors.Is256) _kernel.Run<F256>(block);
        else _kernel.Run<F128>(block);
    }
}

/// <summary>Which vectors this machine and this process use.</summary>
internal static class MachineVectors
{
    public static bool Is512
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.IsHardwareAccelerated && Avx512F.IsSupported;
    }

    public static bool Is256
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.IsHardwareAccelerated && Avx2.IsSupported;
    }

    /// <summary>Floats per vector.</summary>
    public static int Width => Is512 ? 16 : Is256 ? 8 : 4;

    /// <summary>Rows of a full register tile of the matrix product.</summary>
    public static int TileRows => Is512 ? 12 : 6;

    /// <summary>For people: "AVX-512", "AVX2", "128-bit" or "none".</summary>
    public static string Name => Is512 ? "AVX-512" : Is256 ? "AVX2" : Vector128.IsHardwareAccelerated ? "128-bit" : "none";

    /// <summary>Runs a vector kernel over all blocks.</summary>
    public static void ForVectors<TKernel>(this Workers workers, int blocks, TKernel kernel) where TKernel : struct, IVectorKernel =>
        workers.For(blocks, new VectorWork<TKernel>(kernel));
}

