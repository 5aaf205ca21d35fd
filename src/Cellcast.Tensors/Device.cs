using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors;

/// <summary>Functions of one number.</summary>
public enum UnaryKind
{
    /// <summary>e^x.</summary>
    Exp,
    /// <summary>Natural logarithm.</summary>
    Log,
    /// <summary>log(1 + e^x).</summary>
    Softplus,
    /// <summary>1 / (1 + e^-x).</summary>
    Sigmoid,
    /// <summary>Hyperbolic tangent.</summary>
    Tanh,
    /// <summary>x Phi(x), with the normal distribution function itself.</summary>
    Gelu,
    /// <summary>x Phi(x), with the usual approximation by tanh.</summary>
    GeluTanh,
    /// <summary>x where positive, e^x - 1 elsewhere.</summary>
    Elu,
    /// <summary>x where positive, 0 elsewhere.</summary>
    Relu,
    /// <summary>x squared.</summary>
    Square,
    /// <summary>Square root.</summary>
    Sqrt,
}

/// <summary>Functions of two numbers.</summary>
public enum BinaryKind
{
    /// <summary>a + b.</summary>
    Add,
    /// <summary>a - b.</summary>
    Subtract,
    /// <summary>a b.</summary>
    Multiply,
    /// <summary>a / b.</summary>
    Divide,
}

/// <summary>How the second operand is spread over the first.</summary>
public enum Broadcast
{
    /// <summary>Both have the same shape.</summary>
    None,
    /// <summary>A vector with one number per column, the same for every row.</summary>
    Row,
    /// <summary>A vector with one number per row, the same for every column.</summary>
    Column,
    /// <summary>A single number.</summary>
    Scalar,
}

/// <summary>Where the arithmetic happens. Operations know their derivatives and call a device for the numbers; models know neither.</summary>
/// <remarks>Results replace what was there unless <c>accumulate</c> says that they are added to it; gradients with several results are always added. Shapes have been checked by the caller. A device gives the same bits however many threads it has.</remarks>
public abstract class Device : IDisposable
{
    /// <summary>Memory for some numbers, contents undefined, from the device's pool.</summary>
    /// <param name="length">How many floats.</param>
    public abstract TensorStorage Allocate(int length);

    /// <summary>Gives memory back to the pool.</summary>
    /// <param name="storage">What <see cref="Allocate"/> returned.</param>
    public abstract void Release(TensorStorage storage);

    /// <summary>Sets all numbers.</summary>
    public abstract void Fill(Tensor y, float value);

    /// <summary>y = x, or y += x.</summary>
    public abstract void Copy(Tensor x, Tensor y, bool accumulate);

    /// <summary>y += alpha x.</summary>
    public abstract void AddScaled(Tensor x, float alpha, Tensor y);

    /// <summary>y = scale x + shift.</summary>
    public abstract void Affine(Tensor x, float scale, float shift, Tensor y);

    /// <summary>y = op(a) op(b), or y += op(a) op(b), where op transposes if asked.</summary>
    public abstract void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, Tensor y, bool accumulate);

    /// <summary>y = f(x).</summary>
    public abstract void Unary(UnaryKind kind, Tensor x, Tensor y);

    /// <summary>dx = dy f'(x), or dx += dy f'(x), given x and y = f(x).</summary>
    public abstract void UnaryGradient(UnaryKind kind, Tensor x, Tensor y, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>y = f(a, b), b spread over a; y may be a.</summary>
    public abstract void Binary(BinaryKind kind, Tensor a, Tensor b, Broadcast broadcast, Tensor y);

    /// <summary>Gradients of y = <see cref="Binary"/> with respect to a and b, where asked for: first that of a, replaced or added to, then that of b, added to.</summary>
    public abstract void BinaryGradient(BinaryKind kind, Tensor a, Tensor b, Broadcast broadcast, Tensor y, Tensor dy, Tensor? da, bool accumulateA, Tensor? db);

    /// <summary>y = sum of all numbers of x, y of length one; or y += that.</summary>
    public abstract void Sum(Tensor x, Tensor y, bool accumulate);

    /// <summary>y[r] = sum of row r; or y += that.</summary>
    public abstract void RowSum(Tensor x, Tensor y, bool accumulate);

    /// <summary>y[c] = sum of column c; or y += that.</summary>
    public abstract void ColumnSum(Tensor x, Tensor y, bool accumulate);

    /// <summary>y[r] = a[r] . b[r], the scalar product of two rows.</summary>
    public abstract void DotRows(Tensor a, Tensor b, Tensor y);

    /// <summary>Every row to mean 0 and variance 1: y = (x - mean) / sqrt(variance + epsilon); the factor is kept for the gradient.</summary>
    public abstract void LayerNorm(Tensor x, float epsilon, Tensor y, Tensor inverseDeviation);

    /// <summary>Gradient of <see cref="LayerNorm"/>.</summary>
    public abstract void LayerNormGradient(Tensor y, Tensor inverseDeviation, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>y = scale (x - mean) / (sd + epsilon) + shift, with the unbiased sd of the row.</summary>
    /// <param name="x">Rows to normalise.</param>
    /// <param name="scale">One factor per column.</param>
    /// <param name="shift">One summand per column.</param>
    /// <param name="epsilon">Added to the sd.</param>
    /// <param name="y">Result.</param>
    /// <param name="mean">Kept for the gradient: the mean of each row.</param>
    /// <param name="deviation">Kept for the gradient: the sd of each row.</param>
    public abstract void LayerNormAffine(Tensor x, Tensor scale, Tensor shift, float epsilon, Tensor y, Tensor mean, Tensor deviation);

    /// <summary>Gradients of <see cref="LayerNormAffine"/> with respect to what is asked for.</summary>
    public abstract void LayerNormAffineGradient(Tensor x, Tensor mean, Tensor deviation, Tensor scale, float epsilon, Tensor dy, Tensor? dx, Tensor? dscale, Tensor? dshift);

    /// <summary>Every row divided by its Euclidean length, at least epsilon; the lengths are kept for the gradient.</summary>
    public abstract void NormalizeRows(Tensor x, float epsilon, Tensor y, Tensor lengths);

    /// <summary>Gradient of <see cref="NormalizeRows"/>.</summary>
    public abstract void NormalizeRowsGradient(Tensor y, Tensor lengths, float epsilon, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>y = exp(x) divided by its sum over the row.</summary>
    public abstract void SoftmaxRows(Tensor x, Tensor y);

    /// <summary>Gradient of <see cref="SoftmaxRows"/>.</summary>
    public abstract void SoftmaxRowsGradient(Tensor y, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>y = exp(x) divided by its sum over the column.</summary>
    public abstract void SoftmaxColumns(Tensor x, Tensor y);

    /// <summary>Gradient of <see cref="SoftmaxColumns"/>.</summary>
    public abstract void SoftmaxColumnsGradient(Tensor y, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>y[r] = log of the sum of exp over row r.</summary>
    public abstract void LogSumExpRows(Tensor x, Tensor y);

    /// <summary>Gradient of <see cref="LogSumExpRows"/>.</summary>
    public abstract void LogSumExpRowsGradient(Tensor x, Tensor y, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>y = x turned over.</summary>
    public abstract void Transpose(Tensor x, Tensor y, bool accumulate);

    /// <summary>Copies a block of columns: y[r, yFirst + c] = x[r, xFirst + c]; or adds it.</summary>
    public abstract void CopyColumns(Tensor x, int xFirst, Tensor y, int yFirst, int count, bool accumulate);

    /// <summary>Copies a block of numbers: y[yFirst + i] = x[xFirst + i]; or adds it.</summary>
    public abstract void CopyRange(Tensor x, int xFirst, Tensor y, int yFirst, int count, bool accumulate);

    /// <summary>y[i] = x[rows[i]], whole rows.</summary>
    public abstract void GatherRows(Tensor x, ReadOnlySpan<int> rows, Tensor y);

    /// <summary>y[rows[i]] += x[i], whole rows, always in the order of i.</summary>
    public abstract void ScatterAddRows(Tensor x, ReadOnlySpan<int> rows, Tensor y);

    /// <summary>y = x scaled by 1 / (1 - probability) where the generator keeps it, 0 elsewhere; the choice depends on the key and the position only.</summary>
    public abstract void Dropout(Tensor x, float probability, Random.RandomKey key, Tensor y, bool accumulate);

    /// <summary>y = x w + bias, x sparse with one-hot columns appended, w with one row per input; see <see cref="Autodiff.Op.SparseLinear"/>.</summary>
    public abstract void SparseLinear(in SparseRows x, ReadOnlySpan<int> codes, Tensor weight, Tensor? bias, Tensor y);

    /// <summary>dw = x' dy or dw += x' dy, of <see cref="SparseLinear"/>.</summary>
    public abstract void SparseLinearWeightGradient(in SparseRows x, ReadOnlySpan<int> codes, Tensor dy, Tensor dweight, bool accumulate);

    /// <summary>Sum over all numbers of the divergence of N(mu, sigma^2) from N(0, 1).</summary>
    /// <returns>The sum.</returns>
    public abstract double KlStandardNormal(Tensor mu, Tensor sigma);

    /// <summary>Gradients of <see cref="KlStandardNormal"/>, times upstream, added to what is asked for.</summary>
    public abstract void KlStandardNormalGradient(Tensor mu, Tensor sigma, float upstream, Tensor? dmu, Tensor? dsigma);

    /// <summary>Negative log likelihood of sparse counts under Poisson with mean s softplus(h w' + b) + 1e-10, summed over all but the
    /// factorials of the counts, whose sum of logarithms is added; the gradients asked for are overwritten.</summary>
    /// <returns>The sum.</returns>
    public abstract double PoissonDecoder(Tensor h, Tensor weight, Tensor bias, ReadOnlySpan<float> sizeFactors, in SparseRows counts, double logFactorials, Tensor? dh, Tensor? dweight, Tensor? dbias);

    /// <summary>As <see cref="PoissonDecoder"/>, negative binomial with total count theta + 1e-10.</summary>
    /// <returns>The sum.</returns>
    public abstract double NegativeBinomialDecoder(Tensor h, Tensor weight, Tensor bias, Tensor theta, ReadOnlySpan<float> sizeFactors, in SparseRows counts,
        double logFactorials, Tensor? dh, Tensor? dweight, Tensor? dbias, Tensor? dtheta);

    /// <summary>Negative log likelihood of counts, negative binomial with mean mu + 1e-10 and total count theta + 1e-10 (one per column), summed, given the
    /// part that depends on the counts alone; the gradients asked for are overwritten.</summary>
    /// <returns>The sum.</returns>
    public abstract double NegativeBinomial(Tensor mu, Tensor theta, Tensor counts, double constant, Tensor? dmu, Tensor? dtheta);

    /// <summary>Negative log likelihood of the counts of samples that mix cells, see <see cref="Kernels.MixtureDecoderLoss"/>, summed. Where asked, replaces the gradients of the shares, and
    /// those of scale, shift and theta (3 x genes).</summary>
    public abstract double MixtureDecoder(Tensor shares, Tensor hidden, Tensor weight, Tensor bias, Tensor scale, Tensor shift, Tensor theta, Tensor size, Tensor counts, double constant,
        Tensor? dshares, Tensor? dgenes);

    /// <summary>Mean over rows of the cross-entropy between softmax(logits) and the label; the gradient, if asked for, is overwritten.</summary>
    /// <returns>The mean.</returns>
    public abstract double CrossEntropy(Tensor logits, ReadOnlySpan<int> labels, Tensor? dlogits);

    /// <summary>One step of Adam, or of AdamW where weight decay is decoupled from the gradient, on one parameter.</summary>
    public abstract void AdamStep(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, in AdamSettings settings, bool decoupled);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the device holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
