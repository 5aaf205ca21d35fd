using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels;

/// <summary>Argument checks shared by the kernels: one comparison each on the way in, none inside.</summary>
internal static class Guard
{
    public static void Length(int actual, long needed, [CallerArgumentExpression(nameof(actual))] string name = "")
    {
        if (actual < needed) Throw(actual, needed, name);
    }

    public static void SameLength(int a, int b, [CallerArgumentExpression(nameof(a))] string nameA = "", [CallerArgumentExpression(nameof(b))] string nameB = "")
    {
        if (a != b) throw new ArgumentException($"{nameA} is {a} and {nameB} is {b}; they must be equal");
    }

    public static void Matrix(int actual, int rows, int columns, int stride, [CallerArgumentExpression(nameof(actual))] string name = "")
    {
        if (rows < 0 || columns < 0 || stride < columns) throw new ArgumentException($"{name}: {rows} x {columns} with {stride} elements from row to row is no matrix");
        if (rows > 0 && columns > 0) Length(actual, ((long)rows - 1) * stride + columns, name);
    }

    private static void Throw(int actual, long needed, string name) => throw new ArgumentException($"{name} is {actual}, at least {needed} needed");
}
