using Cellcast.Analysis.Embedding;

namespace Cellcast.Analysis.Tests.Embeddings;

/// <summary>Roots and inverses of symmetric matrices.</summary>
public class SymmetricFunctionsTests
{
    private static readonly double[] s_matrix = [4, 1, 0.5, 1, 3, -0.2, 0.5, -0.2, 2];

    [Fact]
    public void The_root_times_itself_is_the_matrix()
    {
        double[] root = SymmetricFunctions.Root(s_matrix, 3);
        Close(s_matrix, Product(root, root));
        Assert.Equal(root[1], root[3]);
    }

    [Fact]
    public void The_inverse_times_the_matrix_is_one() => Close([1, 0, 0, 0, 1, 0, 0, 0, 1], Product(SymmetricFunctions.Inverse(s_matrix, 3), s_matrix));

    [Fact]
    public void A_direction_without_extent_has_none_in_the_root() => Close([2, 0, 0, 0], SymmetricFunctions.Root([4, 0, 0, 0], 2));

    [Fact]
    public void What_is_no_square_is_refused() => Assert.Throws<ArgumentException>(() => SymmetricFunctions.Root([1, 2, 3], 2));

    private static void Close(double[] expected, double[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], 1e-12);
    }

    private static double[] Product(double[] a, double[] b) => [.. Enumerable.Range(0, 9).Select(i => Enumerable.Range(0, 3).Sum(k => a[i / 3 * 3 + k] * b[k * 3 + i % 3]))];
}
